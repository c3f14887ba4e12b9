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

const positive = (x: tf.Tensor) => tf.add(tf.square(x), 0.5);

const ELEMENTWISE: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  abs: tf.abs,
  clip: (x) => tf.clipByValue(x, -0.5, 0.7),
  cos: tf.cos,
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  leakyRelu: (x) => tf.leakyRelu(x, 0.3),
  log: (x) => tf.log(positive(x)),
  log1p: (x) => tf.log1p(positive(x)),
  neg: tf.neg,
  pow: (x) => tf.pow(positive(x), 3),
  prelu: (x) => tf.prelu(x, tf.tensor1d([0.1, 0.2, 0.3])),
  reciprocal: (x) => tf.reciprocal(positive(x)),
  relu: tf.relu,
  relu6: (x) => tf.relu6(tf.mul(x, 4)),
  rsqrt: (x) => tf.rsqrt(positive(x)),
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  sin: tf.sin,
  softplus: tf.softplus,
  sqrt: (x) => tf.sqrt(positive(x)),
  square: tf.square,
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  tanh: tf.tanh,
  where: (x) => tf.where(tf.greater(randomTensor(x.shape, 9), 0), tf.mul(x, 3), tf.square(x)),
};

describe('elementwise kernels', () => {
  for (const [name, work] of Object.entries(ELEMENTWISE)) {
    it(`${name}, in tfjs's order of axes and behind a convolution`, async () => {
      await expectAgreement((x) => work(x as tf.Tensor), [[4, 3]]);
      const behind: TensorFunction = (x, filter) => work(tf.conv2d(x as Image, filter as Image, 1, 'same'));
      await expectAgreement(behind, [
        [2, 3, 4, 2],
        [2, 2, 2, 3],
      ]);
    });
  }

  const BINARY: Record<string, TensorFunction> = {
    add: (a, b) => tf.add(a as Image, b as Image),
    sub: (a, b) => tf.sub(a as Image, b as Image),
    mul: (a, b) => tf.mul(a as Image, b as Image),
    div: (a, b) => tf.div(a as Image, positive(b as Image)),
  };
  const broadcasts = [
    [
      [2, 3, 4, 5],
      [2, 3, 4, 5],
    ],
    [[2, 3, 4, 5], [5]],
    [
      [2, 3, 4, 5],
      [2, 1, 1, 5],
    ],
    [
      [2, 3, 4, 5],
      [4, 1],
    ],
    [
      [1, 3, 1, 5],
      [2, 1, 4, 1],
    ],
    [[3, 2], []],
    [[], [3, 2]],
    [[1], [1, 1, 1]],
  ] as const;
  for (const [name, work] of Object.entries(BINARY)) {
    it(`${name} with every kind of broadcasting`, async () => {
      for (const shapes of broadcasts) await expectAgreement(work, shapes);
    });
  }

  it('maximum, minimum and squared difference', async () => {
    // tfjs has no gradients for these with broadcasting.
    for (const work of [tf.maximum, tf.minimum, tf.squaredDifference]) {
      await expectAgreement(
        (a, b) => work(a as Image, b as Image),
        [
          [2, 3],
          [2, 3],
        ],
      );
    }
  });
});

const dimension = fc.integer({ min: 1, max: 3 });

describe('kernels that move data', () => {
  it('reshape, whatever is split or joined, whatever the order of axes', async () => {
    const cases = fc.record({
      shape: fc.array(dimension, { minLength: 1, maxLength: 4 }),
      permutation: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
      cuts: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, permutation, cuts }) => {
        const perm = permutation.filter((axis) => axis < shape.length);
        const moved = perm.map((axis) => shape[axis] ?? 1);
        const target = regrouped(moved, cuts);
        const work: TensorFunction = (x) => tf.square(tf.reshape(tf.transpose(x as tf.Tensor, perm), target));
        await expectAgreement(work, [shape]);
      }),
      { numRuns: 40 },
    );
  });

  const MOVING: Record<string, [TensorFunction, ...(readonly number[])[]]> = {
    concat: [(a, b) => tf.square(tf.concat([a as Image, b as Image], -1)), [2, 3, 2, 2], [2, 3, 2, 4]],
    slice: [(x) => tf.slice(x as Image, [0, 1, 0, 1], [2, 2, -1, 1]), [2, 4, 3, 3]],
    pad: [
      (x) =>
        tf.pad(
          x as Image,
          [
            [0, 0],
            [1, 2],
            [0, 1],
            [0, 0],
          ],
          0,
        ),
      [2, 2, 3, 2],
    ],
    tile: [(x) => tf.square(tf.tile(x as Image, [1, 2, 3, 1])), [2, 3, 1, 2]],
    'broadcast then sum': [(x) => tf.sum(tf.square(tf.tile(x as Image, [1, 3, 1, 1])), 1), [2, 1, 2, 2]],
    'expand dims': [(x) => tf.mul(tf.expandDims(x as tf.Tensor, 1), tf.ones([2, 3, 1])), [2, 4]],
  };
  for (const [name, [work, ...shapes]] of Object.entries(MOVING)) {
    it(name, () => expectAgreement(work, shapes));
  }

  it('reductions over any axes, kept or not', async () => {
    const reductions = { sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min };
    for (const reduce of Object.values(reductions)) {
      for (const axes of [[0], [1, 2], [3], [0, 3], [1, 2, 3], [0, 1, 2, 3]]) {
        for (const keep of [true, false]) {
          const work: TensorFunction = (x, filter) =>
            tf.square(reduce(tf.conv2d(x as Image, filter as Image, 1, 'valid'), axes, keep));
          await expectAgreement(work, [
            [2, 3, 4, 2],
            [2, 2, 2, 3],
          ]);
        }
      }
    }
  });
});

/** Joins axes and cuts sizes of 2 and 3 apart again, giving another shape of the same size. */
function regrouped(shape: readonly number[], cuts: readonly number[]): number[] {
  const result = [...shape];
  for (const cut of cuts) {
    const at = cut % (result.length + 1);
    if (cut % 2 === 0 && at + 1 < result.length)
      result.splice(at, 2, (result[at] ?? 1) * (result[at + 1] ?? 1));
    else result.splice(at, 0, 1);
  }
  return result;
}

const window = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  height: fc.integer({ min: 5, max: 8 }),
  width: fc.integer({ min: 5, max: 8 }),
  channels: fc.integer({ min: 1, max: 3 }),
  filters: fc.integer({ min: 1, max: 3 }),
  kernel: fc.tuple(dimension, dimension),
  strides: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  pad: fc.constantFrom('same' as const, 'valid' as const),
  dilation: fc.integer({ min: 1, max: 2 }),
});

describe('convolution and pooling', () => {
  it('conv2d on random shapes, strides, paddings and dilations', async () => {
    await fc.assert(
      fc.asyncProperty(window, async (w) => {
        const dilation = Math.max(...w.strides) > 1 ? 1 : w.dilation; // tfjs allows one or the other
        const work: TensorFunction = (x, filter) =>
          tf.conv2d(x as Image, filter as Image, w.strides, w.pad, 'NHWC', dilation);
        // tfjs has no gradient for dilated convolutions
        const shapes = [
          [w.batch, w.height, w.width, w.channels],
          [...w.kernel, w.channels, w.filters],
        ];
        if (dilation === 1) await expectAgreement(work, shapes);
        else await expectSameValue(work, shapes);
      }),
      { numRuns: 40 },
    );
  });

  it('conv2d with many channels', () =>
    expectAgreement(
      (x, filter) => tf.conv2d(x as Image, filter as Image, 1, 'same'),
      [
        [2, 5, 5, 20],
        [3, 3, 20, 4],
      ],
    ));

  it('depthwise and separable convolution', async () => {
    for (const strides of [1, 2]) {
      await expectAgreement(
        (x, filter) => tf.depthwiseConv2d(x as Image, filter as Image, strides, 'same'),
        [
          [2, 6, 5, 3],
          [3, 3, 3, 2],
        ],
      );
    }
    await expectAgreement(
      (x, depth, point) => tf.separableConv2d(x as Image, depth as Image, point as Image, 1, 'valid'),
      [
        [2, 6, 5, 3],
        [3, 3, 3, 1],
        [1, 1, 3, 4],
      ],
    );
  });

  it('transposed convolution', () =>
    expectAgreement(
      (x, filter) => tf.conv2dTranspose(x as Image, filter as Image, [2, 8, 6, 3], 2, 'same'),
      [
        [2, 4, 3, 2],
        [3, 3, 3, 2],
      ],
    ));

  it('max pooling on random windows', async () => {
    await fc.assert(
      fc.asyncProperty(window, async (w) => {
        const work: TensorFunction = (x) => tf.maxPool(x as Image, w.kernel, w.strides, w.pad);
        await expectAgreement(work, [[w.batch, w.height, w.width, w.channels]]);
      }),
      { numRuns: 30 },
    );
  });

  it('gives the gradient of max pooling to the first of equal maxima', async () => {
    const pooled: TensorFunction = (x) => tf.maxPool(x as Image, 2, 2, 'valid');
    const [, gradient] = await runTraced(withGradients(pooled), [tf.ones([1, 4, 4, 1])]);
    expect([...(gradient ?? [])].flatMap((value, index) => (value === 0 ? [] : [index]))).toEqual([
      0, 2, 8, 10,
    ]);
  });

  it('average pooling on windows inside the image', async () => {
    await fc.assert(
      fc.asyncProperty(window, async (w) => {
        const work: TensorFunction = (x) => tf.avgPool(x as Image, w.kernel, w.strides, 'valid');
        await expectAgreement(work, [[w.batch, w.height, w.width, w.channels]]);
      }),
      { numRuns: 30 },
    );
  });

  it('average pooling with windows that overhang, against finite differences', async () => {
    // tfjs's cpu backend has this gradient wrong.
    const work: TensorFunction = (x) => tf.avgPool(x as Image, 3, 2, 'same');
    const x = randomTensor([2, 5, 4, 2]);
    const [, gradient = new Float32Array()] = await runTraced(withGradients(work), [x]);
    expect(relativeDifference(gradient, finiteDifferences(work, x))).toBeLessThan(1e-2);
  });

  it('relu and max pooling, whose masks are joined', () =>
    expectAgreement((x) => tf.maxPool(tf.relu(x as Image), 2, 2, 'valid'), [[2, 6, 6, 3]]));

  it('nearest up-sampling', () =>
    expectAgreement((x) => tf.square(tf.image.resizeNearestNeighbor(x as Image, [6, 4])), [[1, 3, 2, 2]]));
});

describe('products and normalisation', () => {
  it('matrix products, transposed or not', async () => {
    for (const [ta, tb] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const work: TensorFunction = (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, ta, tb);
      await expectAgreement(work, [ta ? [3, 2] : [2, 3], tb ? [4, 3] : [3, 4]]);
    }
  });

  it('batch normalisation with given statistics', () =>
    expectAgreement(
      (x, scale, offset) =>
        tf.batchNorm(
          x as Image,
          tf.tensor1d([0.1, 0.2, 0.3]),
          tf.tensor1d([1, 2, 0.5]),
          offset as tf.Tensor1D,
          scale as tf.Tensor1D,
        ),
      [[2, 3, 4, 3], [3], [3]],
    ));

  it('group normalisation as plain operations on rank 5', async () => {
    await expectAgreement(
      (x) => {
        const grouped = tf.reshape(tf.relu(x as Image), [2, 3, 4, 2, 3]);
        const { mean, variance } = tf.moments(grouped, [1, 2, 4], true);
        return tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-3))), [2, 3, 4, 6]);
      },
      [[2, 3, 4, 6]],
    );
  });
});

async function expectSameValue(work: TensorFunction, shapes: readonly (readonly number[])[]): Promise<void> {
  const inputs = shapes.map((shape, index) => randomTensor(shape, index + 1));
  const [actual = []] = await runTraced((given) => [work(...given)], inputs);
  expect(relativeDifference(actual, work(...inputs).dataSync())).toBeLessThan(1e-5);
}
