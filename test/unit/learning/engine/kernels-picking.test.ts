import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

type Image = tf.Tensor4D;

const IMAGE: [number, number, number, number] = [2, 4, 3, 2];
/** Behind a convolution values lie with their channels first. */
const behind = (work: TensorFunction): TensorFunction => {
  const filter = randomTensor([1, 1, 2, 2], 7) as Image;
  return (x) => work(tf.conv2d(x as Image, filter, 1, 'same'));
};

describe('kernels that pick', () => {
  it('gather on any axis, with indices that repeat', async () => {
    const cases = fc.record({
      axis: fc.integer({ min: 0, max: 3 }),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ axis, picks }) => {
        const indices = tf.tensor1d(
          picks.map((pick) => pick % (IMAGE[axis] ?? 1)),
          'int32',
        );
        await expectAgreement(
          behind((x) => tf.square(tf.gather(x, indices, axis))),
          [IMAGE],
        );
      }),
      { numRuns: 20 },
    );
  });

  it('gather with indices of rank 2, as an embedding does', () =>
    expectAgreement(
      (x) =>
        tf.gather(
          x as tf.Tensor,
          tf.tensor2d(
            [
              [0, 2],
              [2, 2],
            ],
            [2, 2],
            'int32',
          ),
        ),
      [[3, 4]],
    ));

  const WORK: Record<string, TensorFunction> = {
    'stack and unstack, first axis': (x) => tf.stack(tf.unstack(x as Image, 0).reverse(), 0),
    'stack and unstack, last axis': (x) => tf.stack(tf.unstack(tf.square(x as Image), -1), -1),
    'stack along a new axis': (x) => tf.stack([x as Image, tf.square(x as Image)], 2),
    'unstack into parts of their own': (x) => {
      const [a, b] = tf.unstack(x as Image, 3);
      return tf.mul(a as tf.Tensor, tf.square(b as tf.Tensor));
    },
    'reverse one axis': (x) => tf.square(tf.reverse(x as Image, 1)),
    'reverse axes': (x) => tf.square(tf.reverse(x as Image, [1, -1])),
  };
  for (const [name, work] of Object.entries(WORK)) {
    it(name, async () => {
      await expectAgreement(work, [IMAGE]);
      await expectAgreement(behind(work), [IMAGE]);
    });
  }

  it('mirrored padding, with and without the edge', async () => {
    for (const mode of ['reflect', 'symmetric'] as const) {
      const work: TensorFunction = (x) =>
        tf.mirrorPad(
          x as Image,
          [
            [0, 0],
            [2, 1],
            [0, 2],
            [0, 0],
          ],
          mode,
        );
      const x = randomTensor(IMAGE);
      const [actual = []] = await runTraced(([given]) => [behind(work)(given as Image)], [x]);
      expect(relativeDifference(actual, behind(work)(x).dataSync()), mode).toBeLessThan(1e-6);
    }
  });

  it('one-hot codes, with numbers of their own', async () => {
    const work: TensorFunction = (x) =>
      tf.mul(tf.oneHot(tf.tensor1d([2, 0, 1], 'int32'), 4, 3, -1), tf.square(x as tf.Tensor));
    await expectAgreement(work, [[3, 4]]);
  });

  it('questions to all elements: any, all, not equal', async () => {
    const x = tf.tensor2d([1, 0, 0, 0, 2, 3], [3, 2]);
    const questions = (given: tf.Tensor) => [
      tf.cast(tf.any(tf.notEqual(given, 0), 1), 'float32'),
      tf.cast(tf.all(tf.notEqual(given, 0), -1, true), 'float32'),
      tf.cast(tf.any(tf.equal(given, 3)), 'float32'),
    ];
    const answers = await runTraced(([given]) => questions(given as tf.Tensor), [x]);
    expect(answers.map((answer) => [...answer])).toEqual([[1, 0, 1], [0, 0, 1], [1]]);
  });
});

describe('bilinear resizing', () => {
  it('of random sizes, any way of placing pixels, against finite differences', async () => {
    // tfjs's cpu backend has no gradient for more than one image.
    const size = fc.integer({ min: 1, max: 6 });
    const cases = fc.record({
      from: fc.tuple(size, size),
      to: fc.tuple(size, size),
      placing: fc.constantFrom([false, false], [true, false], [false, true]),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ from, to, placing: [corners, half] }) => {
        const work: TensorFunction = (x) => tf.image.resizeBilinear(x as Image, to, corners, half);
        const x = randomTensor([2, ...from, 2]);
        const [value = [], gradient = []] = await runTraced(withGradients(work), [x]);
        expect(relativeDifference(value, work(x).dataSync())).toBeLessThan(1e-5);
        expect(relativeDifference(gradient, finiteDifferences(work, x))).toBeLessThan(1e-2);
      }),
      { numRuns: 30 },
    );
  });
});

describe('normalisation and losses', () => {
  it('normalisation with a mean for every element', () =>
    expectAgreement(
      behind((x) => {
        const { mean, variance } = tf.moments(x, [1, 2, 3], true);
        const spread = (part: tf.Tensor) => tf.tile(part, [1, ...IMAGE.slice(1)]) as Image;
        const scale = tf.fill(IMAGE, 1.5) as Image;
        return tf.batchNorm4d(x as Image, spread(mean), spread(variance), tf.square(x as Image), scale, 1e-3);
      }),
      [IMAGE],
    ));

  const labels = tf.tensor2d([1, 0, 0, 1, 0, 1], [3, 2]);
  const weights = tf.tensor2d([1, 0.5, 2], [3, 1]);
  const LOSSES: Record<string, TensorFunction> = {
    'sigmoid cross entropy': (x) => tf.losses.sigmoidCrossEntropy(labels, x as tf.Tensor, weights, 0.1),
    'softmax cross entropy': (x) => tf.losses.softmaxCrossEntropy(labels, x as tf.Tensor, undefined, 0.1),
    'mean squared error': (x) => tf.losses.meanSquaredError(labels, x as tf.Tensor, weights),
    'absolute difference': (x) => tf.losses.absoluteDifference(labels, x as tf.Tensor),
    huber: (x) => tf.losses.huberLoss(labels, x as tf.Tensor, weights, 0.7),
    'log loss': (x) => tf.losses.logLoss(labels, tf.sigmoid(x as tf.Tensor)),
    hinge: (x) => tf.losses.hingeLoss(labels, x as tf.Tensor),
    'cosine distance': (x) => tf.losses.cosineDistance(labels, x as tf.Tensor, 1),
    dice: (x) => {
      const p = tf.sigmoid(x as tf.Tensor);
      const both = tf.mul(2, tf.sum(tf.mul(p, labels)));
      return tf.sub(1, tf.div(both, tf.add(tf.sum(p), tf.sum(labels))));
    },
  };
  for (const [name, work] of Object.entries(LOSSES)) it(name, () => expectAgreement(work, [[3, 2]]));
});
