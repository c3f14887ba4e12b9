import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import type {
  CompiledModel,
  CompileOptions,
  Engine,
  TrainBatch,
} from '../../src/runtime/learning/engine/engine.ts';
import { makeEngine } from '../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../src/runtime/learning/engine/tfjs.ts';
import { plainCnn, residualCnn } from './fixture-models.ts';
import { BATCH, batch, difference, parameterDifference, SIZE, tinyModel } from './training.ts';

const ADAM: CompileOptions = { batchSize: BATCH, optimizer: { kind: 'adam' } };
const MODELS = {
  'plain CNN': () => plainCnn({ size: SIZE, widths: [4, 16, 8] }),
  'residual CNN': () => residualCnn({ size: SIZE, widths: [4, 8] }),
  'batch-normalised CNN': batchNormCnn,
};

interface Trained {
  readonly start: ParamSet;
  readonly losses: readonly number[];
  readonly logits: Float32Array;
}

const oracles = new Map<string, Promise<Trained>>();

/** Steps in which a difference between two engines would have grown. */
const STEPS = 8;

/** On the cpu engine, which is slow: once for all engines of a run. */
function trainedByOracle(name: string, build: () => tfl.LayersModel): Promise<Trained> {
  const known = oracles.get(name) ?? trainOracle(build);
  oracles.set(name, known);
  return known;
}

async function trainOracle(build: () => tfl.LayersModel): Promise<Trained> {
  const model = await (await makeEngine('cpu', 'oracle')).compile(build(), ADAM);
  const start = model.getParams();
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push(await model.trainStep(batch(step)));
  const logits = await model.predict(batch(1).x, BATCH);
  model.dispose();
  return { start, losses, logits };
}

/** What every engine must do; losses and parameters are compared with the cpu engine's. */
export function describeEngine(name: string, make: () => Promise<Engine>): void {
  describe(`engine ${name}`, () => {
    let engine: Engine;
    let oracle: Engine;
    const compiled: CompiledModel[] = [];

    beforeAll(async () => {
      engine = await make();
      oracle = await makeEngine('cpu', 'oracle');
    });
    afterAll(() => {
      for (const model of compiled) model.dispose();
    });
    const compile = async (model: tfl.LayersModel, options = ADAM, by = engine) => {
      const result = await by.compile(model, options);
      compiled.push(result);
      return result;
    };
    /** The same model on both engines, with the same parameters. */
    const pair = async (build: () => tfl.LayersModel, options = ADAM) => {
      const [actual, expected] = [await compile(build(), options), await compile(build(), options, oracle)];
      actual.setParams(expected.getParams());
      return { actual, expected };
    };

    it('describes itself', () => {
      expect(engine.describe()).toMatchObject({ name: engine.name, device: engine.device });
      expect(engine.describe().reason).not.toBe('');
    });

    // That the cpu engine agrees with itself for so long says nothing, and takes long.
    for (const [modelName, build] of name === 'cpu' ? [] : Object.entries(MODELS)) {
      it(`trains the ${modelName} as the cpu engine does, for ${STEPS} steps`, async () => {
        const expected = await trainedByOracle(modelName, build);
        const actual = await compile(build());
        actual.setParams(expected.start);
        for (const [step, loss] of expected.losses.entries()) {
          expect(Math.abs((await actual.trainStep(batch(step))) - loss)).toBeLessThan(1e-4);
        }
        expect(difference(await actual.predict(batch(1).x, BATCH), expected.logits)).toBeLessThan(2e-3);
      });

      it(`has the gradients of the ${modelName} within 1e-5 of the largest`, async () => {
        // One step of plain gradient descent with rate 1 takes away exactly the gradient.
        const { actual, expected } = await pair(build, { batchSize: BATCH, optimizer: { kind: 'sgd' } });
        const before = expected.getParams();
        const step = { ...batch(1), learningRate: 1 };
        await Promise.all([actual.trainStep(step), expected.trainStep(step)]);
        expectSameChange(before, actual.getParams(), expected.getParams());
      });
    }

    for (const optimizer of OPTIMIZERS) {
      it(`agrees on ${JSON.stringify(optimizer)}`, async () => {
        const options: CompileOptions = {
          batchSize: BATCH,
          optimizer,
          proximal: 0.3,
          loss: { kind: 'softmax-cross-entropy', labelSmoothing: 0.1 },
        };
        const { actual, expected } = await pair(tinyModel, options);
        for (let step = 1; step <= 4; step++) {
          const given = { ...batch(step), weights: Float32Array.of(1, 2, 0, 0.5, 1, 3), learningRate: 0.02 };
          const loss = await expected.trainStep(given);
          expect(await actual.trainStep(given)).toBeCloseTo(loss, 5);
        }
        expect(parameterDifference(actual.getParams(), expected.getParams())).toBeLessThan(1e-4);
      });
    }

    it('learns: the loss falls', async () => {
      // The cpu engine takes a second for a step of a network with convolutions.
      const model = await compile(name === 'cpu' ? wideModel() : MODELS['plain CNN']());
      const losses: number[] = [];
      for (let step = 0; step < 40; step++) losses.push(await model.trainStep({ ...batch(1), seed: step }));
      expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
    });

    it('takes a smaller batch as it would be alone', async () => {
      for (const build of Object.values(MODELS)) {
        const { actual, expected } = await pair(build, { batchSize: BATCH, optimizer: { kind: 'sgd' } });
        const before = expected.getParams();
        const small = { ...batch(3, 2), learningRate: 1 };
        const loss = await expected.trainStep(small);
        expect(await actual.trainStep(small)).toBeCloseTo(loss, 5);
        expectSameChange(before, actual.getParams(), expected.getParams());
      }
    });

    it('predicts any number of examples, each as it would be alone', async () => {
      const model = await compile(MODELS['residual CNN']());
      const { x } = batch(5, BATCH * 2 + 1);
      const all = await model.predict(x, BATCH * 2 + 1);
      const last = await model.predict(x.subarray(BATCH * 2 * SIZE * SIZE), 1);
      expect(all).toHaveLength((BATCH * 2 + 1) * 4);
      expect(difference(all.subarray(BATCH * 2 * 4), last)).toBeLessThan(1e-6);
    });

    it('gives back the parameters it was given', async () => {
      const model = await compile(MODELS['residual CNN']());
      const given = randomParams(model.getParams());
      model.setParams(given);
      expect(model.getParams()).toEqual(given);
    });

    it('names parameters by the model alone', async () => {
      const [first, second] = [await compile(MODELS['plain CNN']()), await compile(MODELS['plain CNN']())];
      expect(Object.keys(second.getParams())).toEqual(Object.keys(first.getParams()));
      expect(Object.keys(first.getParams())).toEqual([
        ...[
          'conv2d/kernel',
          'conv2d/bias',
          'conv2d_1/kernel',
          'conv2d_1/bias',
          'conv2d_2/kernel',
          'conv2d_2/bias',
        ],
        ...['dense/kernel', 'dense/bias', 'logits/kernel', 'logits/bias'],
      ]);
    });

    it('starts anew with setParams: optimizer and proximal centre', async () => {
      const model = await compile(tinyModel(), { ...ADAM, proximal: 0.5 });
      const start = model.getParams();
      const losses = async () => [
        await model.trainStep(batch(1)),
        await model.trainStep(batch(2)),
        await model.trainStep(batch(3)),
      ];
      const first = await losses();
      const end = model.getParams();
      model.setParams(start);
      expect(await losses()).toEqual(first);
      expect(model.getParams()).toEqual(end);
    });

    it('refuses parameters that do not fit, and keeps its own', async () => {
      const model = await compile(tinyModel());
      const own = model.getParams();
      const [name = ''] = Object.keys(own);
      const array = own[name] ?? { dtype: 'float32', shape: [], data: new Float32Array() };
      const { [name]: _, ...without } = own;
      const cases: [ParamSet, string][] = [
        [without, 'NF_TENSORS_NAMES'],
        [{ ...own, extra: array }, 'NF_TENSORS_NAMES'],
        [{ ...own, [name]: { ...array, shape: [...array.shape, 1] } }, 'NF_TENSORS_SHAPE'],
        [{ ...own, [name]: { ...array, dtype: 'float64' } }, 'NF_TENSORS_INVALID'],
        [
          { ...own, [name]: { ...array, dtype: 'float64', data: Float64Array.from(array.data) } },
          'NF_TENSORS_SHAPE',
        ],
        [
          { ...own, [name]: { ...array, data: new Float32Array(array.data.length).fill(Number.NaN) } },
          'NF_TENSORS_NOT_FINITE',
        ],
      ];
      for (const [params, code] of cases) {
        expect(() => model.setParams(params)).toThrow(expect.objectContaining({ code }));
      }
      expect(model.getParams()).toEqual(own);
    });

    it('refuses batches that do not fit', async () => {
      const model = await compile(tinyModel());
      const good = batch(1);
      const bad: Partial<TrainBatch>[] = [
        { size: 0 },
        { size: BATCH + 1 },
        { x: good.x.subarray(1) },
        { y: good.y.subarray(1) },
        { weights: new Float32Array(BATCH) },
        { weights: new Float32Array(BATCH).fill(-1) },
        { learningRate: Number.NaN },
      ];
      for (const change of bad) {
        await expect(model.trainStep({ ...good, ...change })).rejects.toMatchObject({
          code: 'NF_ENGINE_BATCH_INVALID',
        });
      }
      await expect(model.predict(good.x, BATCH - 1)).rejects.toMatchObject({
        code: 'NF_ENGINE_BATCH_INVALID',
      });
    });

    it('gives the same bits again', async () => {
      const run = async () => {
        const model = await compile(MODELS['plain CNN']());
        const losses: number[] = [];
        for (let step = 0; step < 3; step++) losses.push(await model.trainStep(batch(step)));
        return { losses, params: model.getParams() };
      };
      expect(await run()).toEqual(await run());
    });

    it('draws dropout anew in each step, from the seed of the step', async () => {
      const model = await compile(MODELS['plain CNN']());
      const start = model.getParams();
      const lossOf = async (seed: number) => {
        model.setParams(start);
        return model.trainStep({ ...batch(1), seed, learningRate: 0 });
      };
      const [first, second, again] = [await lossOf(1), await lossOf(2), await lossOf(1)];
      expect(second).not.toBe(first);
      expect(again).toBe(first);
    });

    it('follows a learning-rate schedule', async () => {
      const { actual, expected } = await pair(tinyModel, { batchSize: BATCH, optimizer: { kind: 'sgd' } });
      for (const learningRate of [0.1, 0, 0.01, 0.5]) {
        const step = { ...batch(2), learningRate };
        await Promise.all([actual.trainStep(step), expected.trainStep(step)]);
        expect(parameterDifference(actual.getParams(), expected.getParams())).toBeLessThan(1e-6);
      }
    });

    it('includes the model’s regularisers', async () => {
      const build = () =>
        tfl.sequential({
          layers: [
            tfl.layers.flatten({ inputShape: [SIZE, SIZE, 1] }),
            tfl.layers.dense({ units: 4, kernelRegularizer: tfl.regularizers.l2({ l2: 0.1 }) }),
          ],
        });
      const { actual, expected } = await pair(build);
      expect(await actual.trainStep(batch(1))).toBeCloseTo(await expected.trainStep(batch(1)), 4);
    });

    it('leaves frozen layers alone', async () => {
      const model = MODELS['plain CNN']();
      const [first] = model.layers;
      if (first) first.trainable = false;
      const trained = await compile(model);
      const before = trained.getParams();
      await trained.trainStep(batch(1));
      const after = trained.getParams();
      expect(after['conv2d/kernel']).toEqual(before['conv2d/kernel']);
      expect(after['logits/kernel']).not.toEqual(before['logits/kernel']);
    });

    it('refuses models that it cannot train', async () => {
      const softmax = tfl.sequential({
        layers: [tfl.layers.dense({ inputShape: [2], units: 2, activation: 'softmax' })],
      });
      const code = 'NF_ENGINE_MODEL_INVALID';
      await expect(compile(softmax)).rejects.toMatchObject({ code });
      const open = tfl.sequential({
        layers: [tfl.layers.conv2d({ inputShape: [null, null, 1], filters: 1, kernelSize: 1 })],
      });
      await expect(compile(open)).rejects.toMatchObject({ code });
      const options: CompileOptions = { batchSize: 2, optimizer: { kind: 'momentum', momentum: 1 } };
      await expect(compile(tinyModel(), options)).rejects.toMatchObject({ code: 'NF_ENGINE_OPTION_INVALID' });
    });

    it('trains for many steps without holding on to tensors', async () => {
      const model = await compile(wideModel());
      for (let step = 0; step < 6; step++) await model.trainStep(batch(step % 3));
      const before = tf.memory().numTensors;
      for (let step = 0; step < 60; step++) await model.trainStep(batch(step % 3));
      expect(tf.memory().numTensors).toBe(before);
    });

    it('is not used after it was disposed of', async () => {
      const model = await compile(tinyModel());
      model.dispose();
      expect(() => model.getParams()).toThrow(expect.objectContaining({ code: 'NF_ENGINE_DISPOSED' }));
    });
  });
}

const OPTIMIZERS: CompileOptions['optimizer'][] = [
  { kind: 'sgd', weightDecay: 0.1 },
  { kind: 'momentum', momentum: 0.8 },
  { kind: 'momentum', nesterov: true, weightDecay: 0.05 },
  { kind: 'adam', beta1: 0.8, beta2: 0.99, epsilon: 1e-3 },
  { kind: 'adamw', weightDecay: 0.2, epsilon: 1e-3 },
  { kind: 'rmsprop', decay: 0.8, epsilon: 1e-3 },
  { kind: 'rmsprop', momentum: 0.7, epsilon: 1e-3, weightDecay: 0.1 },
];

function wideModel(): tfl.LayersModel {
  return tfl.sequential({
    layers: [
      tfl.layers.flatten({ inputShape: [SIZE, SIZE, 1] }),
      tfl.layers.dense({ units: 256, activation: 'relu' }),
      tfl.layers.dense({ units: 4 }),
    ],
  });
}

/** Without biases before the normalisation: their gradient is 0 but for rounding, which Adam blows up to full steps. */
function batchNormCnn(): tfl.LayersModel {
  const kernelInitializer = tfl.initializers.heNormal({ seed: 8 });
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        inputShape: [SIZE, SIZE, 1],
        filters: 8,
        kernelSize: 3,
        strides: 2,
        useBias: false,
        kernelInitializer,
      }),
      tfl.layers.batchNormalization({}),
      tfl.layers.reLU(),
      tfl.layers.globalAveragePooling2d({}),
      tfl.layers.dense({ units: 4, kernelInitializer }),
    ],
  });
}

function randomParams(like: ParamSet): ParamSet {
  const random = createRandom('params');
  return Object.fromEntries(
    Object.entries(like).map(([name, array]) => [
      name,
      { ...array, data: new Float32Array(array.data.length).map(() => random.normal()) },
    ]),
  );
}

/** Changes agree within 1e-5 of each parameter's largest, plus what subtraction from parameters of order 1 loses. */
function expectSameChange(before: ParamSet, actual: ParamSet, expected: ParamSet): void {
  for (const [name, { data }] of Object.entries(before)) {
    const wanted = expected[name]?.data ?? new Float32Array();
    const largest = difference(wanted, data);
    expect(difference(actual[name]?.data ?? [], wanted), name).toBeLessThan(1e-5 * largest + 2e-6);
  }
}
