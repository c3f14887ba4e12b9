import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { groupNormalization } from '../../../../src/runtime/learning/engine/layers/group-normalization.ts';
import { makeEngine, makeOrtBuild } from '../../../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { Recorder } from '../../../../src/runtime/learning/engine/trace/recorder.ts';
import { materialize, whole } from '../../../../src/runtime/learning/engine/trace/symbolic.ts';
import { expectAgreement, runTraced, withGradients } from './run-traced.ts';

/** Formulations that are taken only for some shapes: large rows, windows of two, many channels. */

const RUNS = { numRuns: 12 };
/** Rows of 576 pixels: long enough for operators that take a product and what follows in one pass. */
const LARGE = [2, 24, 24, 3];

describe('max pooling by halves', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 3 });

  it('gives the gradient to the first of equal maxima in row-major order, in images and in volumes', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 3 }), fc.nat(), async (half, channels, seed) => {
        const shape = [2, ...half.map((size) => 2 * size), channels];
        const random = createRandom('ties', seed);
        const values = new Float32Array(shape.reduce((a, b) => a * b)).map(() => random.int(3));
        const x = tf.tensor(values, shape);
        const pool = (given: tf.Tensor) =>
          half.length === 2
            ? tf.maxPool(given as tf.Tensor4D, 2, 2, 'valid')
            : tf.maxPool3d(given as tf.Tensor5D, 2, 2, 'valid');
        const work = withGradients(pool);
        const [pooled, gradient] = await runTraced(work, [x]);
        const [expectedPooled] = work([x]);
        expect([...(pooled ?? [])]).toEqual([...(expectedPooled?.dataSync() ?? [])]);
        const actual = Array.from(gradient ?? [], (value) => value + 0); // -0 is 0
        expect(actual).toEqual(firstMaxima(values, shape));
      }),
      RUNS,
    );
  });

  it('agrees on odd sizes too, where rows and columns are left over', () =>
    expectAgreement((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), [[2, 7, 5, 3]]));

  it('joins with the mask of a ReLU before it', () =>
    expectAgreement((x) => tf.maxPool(tf.relu(x) as tf.Tensor4D, 2, 2, 'same'), [[2, 8, 6, 3]]));
});

/** The gradient at a 2 x 2 (x 2) pooling for the one that `withGradients` sends, by going through all windows. */
function firstMaxima(values: Float32Array, shape: readonly number[]): number[] {
  const out = shape.map((size, axis) => (axis === 0 || axis === shape.length - 1 ? size : size / 2));
  const gradient = Array.from(values, () => 0);
  const index = (place: readonly number[], sizes: readonly number[]) =>
    place.reduce((sum, at, axis) => sum * (sizes[axis] ?? 1) + at, 0);
  const places = (sizes: readonly number[]): number[][] =>
    sizes.reduce<number[][]>(
      (all, size) => all.flatMap((p) => Array.from({ length: size }, (_, at) => [...p, at])),
      [[]],
    );
  for (const place of places(out)) {
    let best = -1;
    for (const offset of places(shape.map((_, axis) => (axis === 0 || axis === shape.length - 1 ? 1 : 2)))) {
      const inner = place.map(
        (at, axis) => (axis === 0 || axis === shape.length - 1 ? at : 2 * at) + (offset[axis] ?? 0),
      );
      const at = index(inner, shape);
      if (best < 0 || (values[at] ?? 0) > (values[best] ?? 0)) best = at;
    }
    gradient[best] = (gradient[best] ?? 0) + Math.fround(Math.sin(index(place, out) * 1.7 + 1));
  }
  return gradient.map(Math.fround);
}

describe('products with what follows in one pass', () => {
  it.each<[string, number[], number[]]>([
    ['each channel', [3], [3]],
    ['each channel of each example', [2, 1, 1, 3], [2, 1, 1, 3]],
    ['channels, and examples', [3], [2, 1, 1, 3]],
    ['examples', [2, 1, 1, 1], [2, 1, 1, 1]],
    ['rows, which no such operator has', [24, 1, 1], [24, 1, 1]],
  ])('scale and shift for %s', async (_, scale, shift) => {
    await expectAgreement(
      (x, a, b) => tf.add(tf.mul(x as tf.Tensor, a as tf.Tensor), b as tf.Tensor),
      [LARGE, scale, shift],
    );
    await expectAgreement(
      (x, a, b) => tf.sub(tf.mul(a as tf.Tensor, x as tf.Tensor), b as tf.Tensor),
      [LARGE, scale, shift],
    );
  });

  it('scale and shift behind a convolution, where channels lie first', () =>
    expectAgreement(
      (x, w, a, b) =>
        tf.relu(
          tf.add(
            tf.mul(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'), a as tf.Tensor),
            b as tf.Tensor,
          ),
        ),
      [LARGE, [3, 3, 3, 4], [4], [2, 1, 1, 4]],
    ));

  it.each([[[1, 2]], [[0, 1, 2]], [[1, 2, 3]], [[3]], [[0]]])(
    'sums of products over axes %j',
    async (axes) => {
      for (const keep of [true, false]) {
        await expectAgreement(
          (x, y) => tf.sum(tf.mul(x as tf.Tensor, y as tf.Tensor), axes, keep),
          [LARGE, LARGE],
        );
        await expectAgreement((x) => tf.sum(tf.square(x as tf.Tensor), axes, keep), [LARGE]);
      }
    },
  );

  it('is as exact as float64 summed up, for half a million squares', async () => {
    const random = createRandom('squares');
    const x = tf.tensor(
      new Float32Array(8 * 65536).map(() => random.next()),
      [8, 256, 256, 1],
    );
    const [sums] = await runTraced(([given]) => [tf.sum(tf.square(given as tf.Tensor), [1, 2, 3])], [x]);
    const values = x.dataSync<'float32'>();
    for (const [row, sum] of (sums ?? []).entries()) {
      const exact = values
        .subarray(row * 65536, (row + 1) * 65536)
        .reduce((all, value) => all + value * value, 0);
      expect(Math.abs(sum / exact - 1)).toBeLessThan(3e-6);
    }
  });
});

describe('tiles', () => {
  const axes = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
    minLength: 1,
    maxLength: 4,
  });

  it('give their sum as gradient, along any axes', () =>
    fc.assert(
      fc.asyncProperty(axes, (parts) =>
        expectAgreement(
          (x) =>
            tf.tile(
              x as tf.Tensor,
              parts.map(([, times]) => times),
            ),
          [parts.map(([size]) => size)],
        ),
      ),
      RUNS,
    ));

  it('cost few operators, however many there are', () => {
    const recorder = new Recorder();
    recorder.record(() => {
      recorder.graph.input({ name: 'scale', type: 'float32', shape: [1, 1, 4] });
      const scale = recorder.tensor(whole('scale', [1, 1, 4]));
      const gradient = tf.grad((given: tf.Tensor) => tf.sum(tf.square(tf.tile(given, [50, 50, 1]))))(scale);
      const symbolic = recorder.symbolic(gradient);
      const { shape, dtype: type } = symbolic;
      recorder.graph.output({ name: 'gradient', type, shape }, materialize(recorder.graph, symbolic));
    });
    expect(recorder.graph.live().nodes.length).toBeLessThan(20);
  });
});

describe('normalisation of large images', () => {
  it.each<[string, () => tfl.layers.Layer]>([
    ['batch', () => tfl.layers.batchNormalization({ momentum: 0.8 })],
    ['group', () => groupNormalization({ groups: 2 })],
    ['layer', () => tfl.layers.layerNormalization({})],
  ])('trains by %s as the cpu engine does', async (_, normalization) => {
    const build = () => {
      const kernelInitializer = tfl.initializers.heNormal({ seed: 3 });
      return tfl.sequential({
        layers: [
          tfl.layers.conv2d({
            inputShape: [24, 24, 1],
            filters: 4,
            kernelSize: 3,
            padding: 'same',
            useBias: false,
            kernelInitializer,
          }),
          normalization(),
          tfl.layers.reLU({ maxValue: 6 }),
          tfl.layers.maxPooling2d({ poolSize: 2 }),
          tfl.layers.globalAveragePooling2d({}),
          tfl.layers.dense({ units: 2, kernelInitializer }),
        ],
      });
    };
    const options = { batchSize: 3, optimizer: { kind: 'sgd' } } as const;
    const engines = [await makeOrtBuild('wasm', 'test', 1), await makeEngine('cpu', 'test')];
    const [own, expected] = await Promise.all(engines.map((engine) => engine.compile(build(), options)));
    const random = createRandom('images');
    const x = new Float32Array(3 * 576).map(() => 5 + random.normal()); // far from 0, where variances are lost easily
    const y = Float32Array.of(1, 0, 0, 1, 1, 0);
    for (let seed = 0; seed < 4; seed++) {
      const batch = { x, y, size: 3, learningRate: 0.05, seed };
      const loss = (await expected?.trainStep(batch)) ?? Number.NaN;
      expect(Math.abs(((await own?.trainStep(batch)) ?? 0) - loss)).toBeLessThan(1e-5);
    }
    for (const [name, { data }] of Object.entries(expected?.getParams() ?? {})) {
      const actual = own?.getParams()[name]?.data ?? [];
      const largest = Math.max(1, ...Array.from(data, (value) => Math.abs(Number(value))));
      for (const [index, value] of Array.from(data, Number).entries()) {
        expect(Math.abs(Number(actual[index]) - value), name).toBeLessThan(2e-5 * largest);
      }
    }
    for (const model of [own, expected]) model?.dispose();
  });
});

describe('gradients of filters, whichever way is less to do', () => {
  const small = fc.integer({ min: 1, max: 3 });
  const shapes = fc.record({
    height: fc.integer({ min: 3, max: 9 }),
    width: fc.integer({ min: 3, max: 9 }),
    rows: small,
    columns: small,
    strides: fc.tuple(small, small),
    channels: fc.constantFrom(1, 2, 5, 16, 20),
    filters: fc.constantFrom(1, 3, 8),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  });

  it('of convolutions', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, ({ height, width, rows, columns, strides, channels, filters, pad }) =>
        expectAgreement(
          (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad),
          [
            [2, height, width, channels],
            [rows, columns, channels, filters],
          ],
        ),
      ),
      RUNS,
    );
  });

  it('of depthwise convolutions', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        ({ height, width, rows, columns, strides: [stride], channels, filters, pad }) =>
          expectAgreement(
            (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad),
            [
              [2, height, width, channels],
              [rows, columns, channels, Math.min(filters, 3)],
            ],
          ),
      ),
      RUNS,
    );
  });
});
