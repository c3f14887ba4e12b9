import { afterEach, describe, expect, it } from 'vitest';
import type { CompiledFunction, Engine } from '../../../../src/runtime/learning/engine/engine.ts';
import { makeEngine, makeOrtBuild } from '../../../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import type { StepFunction } from '../../../../src/runtime/learning/engine/trace/trace-function.ts';

const engine = await makeOrtBuild('wasm', 'test', 1);
const made: CompiledFunction[] = [];

function compile(work: StepFunction, by: Engine = engine): CompiledFunction {
  const compiled = by.compileFunction(work, { seed: 3 });
  made.push(compiled);
  return compiled;
}

afterEach(() => {
  for (const compiled of made.splice(0)) compiled.dispose();
});

const OPTIMIZERS: Record<string, (rate: number) => tf.Optimizer> = {
  sgd: (rate) => tf.train.sgd(rate),
  momentum: (rate) => tf.train.momentum(rate, 0.8, true),
  rmsprop: (rate) => tf.train.rmsprop(rate, 0.8, 0.5, 1e-3),
  adam: (rate) => tf.train.adam(rate, 0.8, 0.9, 1e-3),
  adamax: (rate) => tf.train.adamax(rate, 0.8, 0.9, 1e-3),
  adagrad: (rate) => tf.train.adagrad(rate),
  adadelta: (rate) => tf.train.adadelta(rate, 0.9, 1e-3),
};

/** A loss of variables of its own, the same at every call. */
function problem(make: (rate: number) => tf.Optimizer) {
  const weights = tf.variable(tf.tensor2d([0.5, -0.3, 0.2, 0.1, 0.4, -0.2], [3, 2]));
  const bias = tf.variable(tf.tensor1d([0.1, -0.1]));
  const optimizer = make(0.05);
  const step = (x: tf.Tensor, y: tf.Tensor) =>
    optimizer.minimize(() => {
      const output = tf.tanh(tf.add(tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D), bias));
      return tf.mean(tf.squaredDifference(output, y)) as tf.Scalar;
    }, true);
  return { weights, bias, optimizer, step };
}

const x = tf.tensor2d([1, 2, 3, -1, 0.5, 2, 0, 1, -2, 1, 1, 1], [4, 3]);
const y = tf.tensor2d([1, 0, 0, 1, 0.5, 0.5, -1, 1], [4, 2]);

async function numberOf(result: unknown): Promise<number> {
  const tensor = result as tf.Tensor;
  const [value = Number.NaN] = await tensor.data();
  tensor.dispose();
  return value;
}

describe('a compiled function', () => {
  it.each(Object.entries(OPTIMIZERS))(
    'minimises with %s as tfjs does, in one graph for all learning rates',
    async (_, make) => {
      const [own, expected] = [problem(make), problem(make)];
      const step = compile(own.step as StepFunction);
      for (const rate of [0.05, 0.05, 0.2, 0.01, 0.3]) {
        for (const { optimizer } of [own, expected]) {
          if ('setLearningRate' in optimizer) (optimizer as tf.SGDOptimizer).setLearningRate(rate);
          else Reflect.set(optimizer, 'learningRate', rate);
        }
        const loss = await numberOf(expected.step(x, y));
        expect(await numberOf(await step(x, y))).toBeCloseTo(loss, 5);
      }
      expect(own.weights.dataSync()).toBeCloseToArray(expected.weights.dataSync(), 1e-5);
      expect(own.bias.dataSync()).toBeCloseToArray(expected.bias.dataSync(), 1e-5);
      expect(own.optimizer.iterations).toBe(expected.optimizer.iterations);
      expect(step.graphCount()).toBe(1);
    },
  );

  it('leaves variables to the caller, who may change them between calls', async () => {
    const { weights, bias, step } = problem((rate) => tf.train.sgd(rate));
    const compiled = compile(step as StepFunction);
    await compiled(x, y);
    weights.assign(tf.zeros([3, 2]));
    bias.assign(tf.zeros([2]));
    expect(await numberOf(await compiled(x, y))).toBeCloseTo(await numberOf(tf.mean(tf.square(y))), 6);
  });

  it('makes a graph for each combination of shapes, with the mathematics of tfjs', async () => {
    const [own, expected] = [problem((rate) => tf.train.adam(rate)), problem((rate) => tf.train.adam(rate))];
    const compiled = compile(own.step as StepFunction);
    for (const rows of [4, 2, 4, 1, 2]) {
      const batch = [tf.slice(x, 0, rows), tf.slice(y, 0, rows)] as const;
      const loss = await numberOf(expected.step(...batch));
      expect(await numberOf(await compiled(...batch))).toBeCloseTo(loss, 5);
    }
    expect(compiled.graphCount()).toBe(3);
  });

  it('gives back a tensor, a list, an object or nothing', async () => {
    const double = tf.tensor1d([2, 4]);
    const one = tf.tensor1d([1, 2]);
    expect((await compile((a) => tf.mul(a as tf.Tensor, 2))(one)) as tf.Tensor).toBeTensor(double);
    const [sum, less] = (await compile((a, b) => [
      tf.add(a as tf.Tensor, b as tf.Tensor),
      tf.less(a as tf.Tensor, 2),
    ])(one, one)) as tf.Tensor[];
    expect(sum as tf.Tensor).toBeTensor(double);
    expect([(less as tf.Tensor).dtype, [...(less as tf.Tensor).dataSync()]]).toEqual(['bool', [1, 0]]);
    const named = (await compile((a) => ({ highest: tf.argMax(a as tf.Tensor) }))(one)) as {
      highest: tf.Tensor;
    };
    expect([named.highest.dtype, [...named.highest.dataSync()]]).toEqual(['int32', [1]]);
    expect(await compile(() => undefined)(one)).toBeUndefined();
  });

  it('counts steps in a variable of whole numbers', async () => {
    const count = tf.variable(tf.scalar(5, 'int32'));
    const compiled = compile(() => {
      count.assign(tf.add(count, tf.scalar(1, 'int32')) as tf.Scalar);
      return undefined;
    });
    for (let call = 0; call < 3; call++) await compiled();
    expect(count.dataSync()[0]).toBe(8);
  });

  it('trains a model with batch normalisation and dropout, its moving averages too', async () => {
    const build = () => {
      const kernelInitializer = tfl.initializers.heNormal({ seed: 2 });
      return tfl.sequential({
        layers: [
          tfl.layers.conv2d({
            inputShape: [6, 6, 1],
            filters: 4,
            kernelSize: 3,
            useBias: false,
            kernelInitializer,
          }),
          tfl.layers.batchNormalization({}),
          tfl.layers.dropout({ rate: 0.4 }),
          tfl.layers.flatten(),
          tfl.layers.dense({ units: 2, kernelInitializer }),
        ],
      });
    };
    const images = tf.randomNormal([4, 6, 6, 1], 0, 1, 'float32', 1);
    const labels = tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 1], [4, 2]);
    const cpu = await makeEngine('cpu', 'test');
    const runs = await Promise.all(
      [engine, cpu].map(async (by) => {
        const model = build();
        const optimizer = tf.train.sgd(0.1);
        const step = compile(
          ((a: tf.Tensor, b: tf.Tensor) =>
            optimizer.minimize(
              () => tf.losses.softmaxCrossEntropy(b, model.apply(a, { training: true }) as tf.Tensor),
              true,
            )) as StepFunction,
          by,
        );
        const losses: number[] = [];
        for (let call = 0; call < 4; call++) losses.push(await numberOf(await step(images, labels)));
        return { losses, weights: model.getWeights().flatMap((weight) => [...weight.dataSync()]) };
      }),
    );
    const [own, expected] = runs;
    expect(own?.losses).toBeCloseToArray(expected?.losses ?? [], 1e-5);
    expect(own?.weights).toBeCloseToArray(expected?.weights ?? [], 1e-5);
    expect(new Set(own?.losses).size).toBe(4);
  });

  it('tells apart variables and constants that were made from one tensor', async () => {
    const start = tf.tensor1d([1, 2]);
    const [a, b] = [tf.variable(start), tf.variable(start)];
    const compiled = compile((x) => {
      a.assign(tf.add(a, x as tf.Tensor) as tf.Tensor1D);
      b.assign(tf.mul(b, 10) as tf.Tensor1D);
      return tf.add(a, start);
    });
    for (let call = 0; call < 2; call++) await compiled(tf.scalar(1));
    const result = (await compiled(tf.scalar(1))) as tf.Tensor;
    expect([a, b, result].map((tensor) => [...tensor.dataSync()])).toEqual([
      [4, 5],
      [1000, 2000],
      [5, 7],
    ]);
  });

  it('assigns variables that it does not read', async () => {
    const [a, b] = [tf.variable(tf.zeros([2])), tf.variable(tf.zeros([2]))];
    const compiled = compile((x) => {
      a.assign(x as tf.Tensor1D);
      b.assign(tf.neg(x as tf.Tensor1D));
      return undefined;
    });
    await compiled(tf.tensor1d([1, 2]));
    expect([[...a.dataSync()], [...b.dataSync()]]).toEqual([
      [1, 2],
      [-1, -2],
    ]);
  });

  it('goes one call after the other, whoever does not wait', async () => {
    const { weights, step } = problem((rate) => tf.train.sgd(rate));
    const twin = problem((rate) => tf.train.sgd(rate));
    const compiled = compile(step as StepFunction);
    await Promise.all([compiled(x, y), compiled(x, y), compiled(x, y)]);
    for (let call = 0; call < 3; call++) twin.step(x, y);
    expect(weights.dataSync()).toBeCloseToArray(twin.weights.dataSync(), 1e-6);
  });

  it('holds on to no tensor', async () => {
    const { step } = problem((rate) => tf.train.adam(rate));
    const compiled = compile(step as StepFunction);
    await numberOf(await compiled(x, y));
    const before = tf.memory().numTensors;
    for (let call = 0; call < 50; call++) await numberOf(await compiled(x, y));
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, StepFunction, string]>([
    [
      'that is asynchronous',
      (async () => tf.scalar(1)) as unknown as StepFunction,
      'NF_ENGINE_FUNCTION_ASYNC',
    ],
    ['that returns numbers', (() => 3) as unknown as StepFunction, 'NF_ENGINE_FUNCTION_RESULT'],
    ['that returns numbers in a list', (() => [3]) as unknown as StepFunction, 'NF_ENGINE_FUNCTION_RESULT'],
    ['that makes variables in every step', () => tf.variable(tf.zeros([2])), 'NF_ENGINE_FUNCTION_VARIABLES'],
    [
      'that makes a variable from its input',
      (a) => tf.variable(a as tf.Tensor),
      'NF_ENGINE_FUNCTION_VARIABLE_VALUE',
    ],
    ['that reads values', (a) => tf.scalar((a as tf.Tensor).dataSync()[0] ?? 0), 'NF_ENGINE_VALUE_READ'],
    ['that draws random numbers', () => tf.randomUniform([2]), 'NF_ENGINE_RANDOM_UNSEEDED'],
    ['with a kernel that has no mapping', (a) => tf.cumsum(a as tf.Tensor), 'NF_ENGINE_KERNEL_UNMAPPED'],
  ])('refuses a function %s, and leaves tfjs as it was', async (_, work, code) => {
    const backend = tf.getBackend();
    await expect(compile(work)(tf.tensor1d([1, 2]))).rejects.toMatchObject({ code });
    expect(tf.getBackend()).toBe(backend);
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
  });

  it('refuses inputs of another type, and use after dispose', async () => {
    const compiled = compile((a) => a);
    await expect(compiled(tf.tensor(['a']))).rejects.toMatchObject({ code: 'NF_ENGINE_FUNCTION_INPUT' });
    compiled.dispose();
    await expect(compiled(tf.scalar(1))).rejects.toMatchObject({ code: 'NF_ENGINE_DISPOSED' });
  });
});

interface TensorMatchers {
  toBeTensor(expected: tf.Tensor): void;
  toBeCloseToArray(expected: ArrayLike<number>, tolerance: number): void;
}

declare module 'vitest' {
  interface Assertion extends TensorMatchers {}
}

expect.extend({
  toBeTensor(actual: tf.Tensor, expected: tf.Tensor) {
    const same = `${actual.shape}|${actual.dataSync()}` === `${expected.shape}|${expected.dataSync()}`;
    return { pass: same, message: () => `${actual} is not ${expected}` };
  },
  toBeCloseToArray(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) {
    const distance = Array.from(expected).map((value, at) => Math.abs(value - (actual[at] ?? Number.NaN)));
    const pass = actual.length === expected.length && distance.every((d) => d <= tolerance);
    return { pass, message: () => `${actual} is not ${expected}: off by ${Math.max(...distance)}` };
  },
});
