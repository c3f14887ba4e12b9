import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { tf } from '../../../../src/runtime/learning/engine/tfjs.ts';
import {
  expectAgreement,
  finiteDifferences,
  randomTensor,
  relativeDifference,
  runTraced,
  type TensorFunction,
  withGradients,
} from './run-traced.ts';

type Volume = tf.Tensor5D;

const size = fc.integer({ min: 3, max: 5 });
const edge = fc.integer({ min: 1, max: 3 });
const stride = fc.integer({ min: 1, max: 2 });
const sides = fc.record({
  volume: fc.tuple(size, size, size),
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 3 }),
  filters: fc.integer({ min: 1, max: 2 }),
  kernel: fc.tuple(edge, edge, edge),
  wished: fc.tuple(stride, stride, stride),
  pad: fc.constantFrom('same' as const, 'valid' as const),
});
// Where strides are longer than the window, tfjs's cpu backend pads by less than nothing.
const window = sides.map(({ wished, ...rest }) => ({
  ...rest,
  strides: wished.map((step, axis) => Math.min(step, rest.kernel[axis] ?? 1)) as [number, number, number],
}));

describe('convolution and pooling of volumes', () => {
  it('conv3d on random shapes, strides and paddings', async () => {
    await fc.assert(
      fc.asyncProperty(window, async ({ batch, volume, channels, filters, kernel, strides, pad }) => {
        const work: TensorFunction = (x, filter) => tf.conv3d(x as Volume, filter as Volume, strides, pad);
        await expectAgreement(work, [
          [batch, ...volume, channels],
          [...kernel, channels, filters],
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it('conv3d with dilations, forward', async () => {
    const work: TensorFunction = (x, filter) =>
      tf.conv3d(x as Volume, filter as Volume, 1, 'same', 'NDHWC', [2, 1, 2]);
    const inputs = [randomTensor([2, 5, 4, 5, 2]), randomTensor([2, 3, 2, 2, 3], 2)];
    const [actual = []] = await runTraced((given) => [work(...given)], inputs);
    expect(relativeDifference(actual, work(...inputs).dataSync())).toBeLessThan(1e-5);
  });

  it('conv3d with strides longer than the filter pads nothing', async () => {
    const inputs = [randomTensor([1, 4, 5, 4, 2]), randomTensor([1, 1, 1, 2, 3], 2)];
    const work = (pad: 'same' | 'valid') =>
      runTraced(
        withGradients((x, filter) => tf.conv3d(x as Volume, filter as Volume, 2, pad)),
        inputs,
      );
    expect(await work('same')).toEqual(await work('valid'));
  });

  it('max pooling on random cubes', async () => {
    await fc.assert(
      fc.asyncProperty(window, edge, async ({ batch, volume, channels, strides, pad }, length) => {
        const steps = strides.map((step) => Math.min(step, length)) as [number, number, number];
        const work: TensorFunction = (x) => tf.maxPool3d(x as Volume, length, steps, pad);
        await expectAgreement(work, [[batch, ...volume, channels]]);
      }),
      { numRuns: 20 },
    );
  });

  it('max pooling on windows of any shape, against finite differences', async () => {
    // tfjs's cpu backend has this gradient wrong where windows are no cubes. Values lie apart, so that no maximum changes.
    const work: TensorFunction = (x) => tf.maxPool3d(x as Volume, [1, 3, 2], [1, 2, 1], 'same');
    const values = createRandom('pool').shuffle(
      Array.from({ length: 2 * 3 * 4 * 3 * 2 }, (_, index) => index),
    );
    const x = tf.tensor(values, [2, 3, 4, 3, 2]);
    const [value = [], gradient = []] = await runTraced(withGradients(work), [x]);
    expect(relativeDifference(value, work(x).dataSync())).toBe(0);
    expect(relativeDifference(gradient, finiteDifferences(work, x))).toBeLessThan(1e-2);
  });

  it('average pooling on windows inside the volume', async () => {
    await fc.assert(
      fc.asyncProperty(window, async ({ batch, volume, channels, kernel, strides }) => {
        const work: TensorFunction = (x) => tf.avgPool3d(x as Volume, kernel, strides, 'valid');
        await expectAgreement(work, [[batch, ...volume, channels]]);
      }),
      { numRuns: 20 },
    );
  });

  it('average pooling with windows that overhang, against finite differences', async () => {
    // tfjs's cpu backend has this gradient wrong.
    const work: TensorFunction = (x) => tf.avgPool3d(x as Volume, 3, 2, 'same');
    const x = randomTensor([2, 4, 3, 4, 2]);
    const [value = [], gradient = []] = await runTraced(withGradients(work), [x]);
    expect(relativeDifference(value, work(x).dataSync())).toBeLessThan(1e-5);
    expect(relativeDifference(gradient, finiteDifferences(work, x))).toBeLessThan(1e-2);
  });

  it('transposed convolution, forward', async () => {
    // tfjs has no gradient for it.
    const work: TensorFunction = (x, filter) =>
      tf.conv3dTranspose(x as Volume, filter as Volume, [1, 6, 5, 6, 2], 2, 'same');
    const inputs = [randomTensor([1, 3, 3, 3, 3]), randomTensor([3, 2, 3, 2, 3], 2)];
    const [actual = []] = await runTraced((given) => [work(...given)], inputs);
    expect(relativeDifference(actual, work(...inputs).dataSync())).toBeLessThan(1e-5);
  });
});
