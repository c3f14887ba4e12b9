import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import type {
  CompiledModel,
  CompileOptions,
  Engine,
  LossOptions,
} from '../../src/runtime/learning/engine/engine.ts';
import { makeEngine } from '../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../src/runtime/learning/engine/tfjs.ts';
import { BATCH, batch, parameterDifference, SIZE, tinyModel } from './training.ts';

const SGD: CompileOptions = { batchSize: BATCH, optimizer: { kind: 'sgd' } };

/** Losses, optimizers and terms of the gradient, on every engine; what they must be is written out or the cpu engine's. */
export function describeEngineOptions(name: string, make: () => Promise<Engine>): void {
  describe(`engine ${name}, options`, () => {
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
    const compile = async (options: CompileOptions, by = engine, model = tinyModel()) => {
      const result = await by.compile(model, options);
      compiled.push(result);
      return result;
    };
    /** The change of all parameters by one step of plain gradient descent with rate 1: minus the gradient. */
    const stepOf = async (model: CompiledModel, given = {}) => {
      const before = model.getParams();
      await model.trainStep({ ...batch(1), learningRate: 1, ...given });
      return combined(model.getParams(), before, (after, start) => after - start);
    };

    it.each(Object.entries(LOSSES))(
      'computes the loss %s as written out',
      async (_, { options, outputs, expected }) => {
        const model = await compile({ ...SGD, loss: options }, engine, segmenter(outputs));
        const { x } = batch(1);
        const y = new Float32Array(BATCH * SIZE * SIZE * outputs).map((_value, index) =>
          index % outputs === 0 ? 1 : 0,
        );
        const logits = await model.predict(x, BATCH);
        const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
        const loss = await model.trainStep({ x, y, weights, size: BATCH, learningRate: 0.1, seed: 1 });
        const each = Array.from({ length: BATCH }, (_value, row) => {
          const part = (all: Float32Array) => [
            ...all.subarray(row * (all.length / BATCH), (row + 1) * (all.length / BATCH)),
          ];
          return expected(part(logits), part(y));
        });
        const mean = each.reduce((sum, value, row) => sum + value * (weights[row] ?? 0), 0) / 21;
        expect(Math.abs(loss - mean)).toBeLessThan(1e-5 * Math.max(1, mean));
      },
    );

    it.each(Object.entries(LOSSES))('has the gradient of %s', async (_, { options, outputs }) => {
      const settings = { ...SGD, loss: options };
      const [actual, expected] = [
        await compile(settings, engine, segmenter(outputs)),
        await compile(settings, oracle, segmenter(outputs)),
      ];
      const { x } = batch(1);
      const y = new Float32Array(BATCH * SIZE * SIZE * outputs).map((_value, index) =>
        index % outputs === 0 ? 1 : 0,
      );
      const given = { x, y, size: BATCH };
      expect(parameterDifference(await stepOf(actual, given), await stepOf(expected, given))).toBeLessThan(
        1e-5,
      );
    });

    it('refuses a loss that is not one number an example', async () => {
      const loss: LossOptions = { kind: 'custom', perExample: (outputs) => outputs };
      const failing = compile({ ...SGD, loss }).then((model) => model.trainStep(batch(1)));
      await expect(failing).rejects.toMatchObject({ code: 'NF_ENGINE_LOSS_SHAPE' });
    });

    it('scales the gradient down to clipNorm, and leaves shorter ones alone', async () => {
      const plain = await stepOf(await compile(SGD));
      const norm = Math.sqrt(
        Object.values(plain)
          .flatMap(({ data }) => [...data])
          .reduce<number>((sum, v) => sum + Number(v) ** 2, 0),
      );
      const clipped = await stepOf(await compile({ ...SGD, clipNorm: norm / 4 }));
      expect(
        parameterDifference(
          clipped,
          combined(plain, plain, (value) => value / 4),
        ),
      ).toBeLessThan(1e-6);
      expect(
        parameterDifference(await stepOf(await compile({ ...SGD, clipNorm: norm * 4 })), plain),
      ).toBeLessThan(1e-6);
    });

    it('holds the gradient within clipValue', async () => {
      const plain = await stepOf(await compile(SGD));
      const held = combined(plain, plain, (value) => Math.min(Math.max(value, -0.01), 0.01));
      expect(
        parameterDifference(await stepOf(await compile({ ...SGD, clipValue: 0.01 })), held),
      ).toBeLessThan(1e-6);
    });

    it('adds the correction to the gradient until it is taken back', async () => {
      const model = await compile({ ...SGD, corrected: true });
      const start = model.getParams();
      const plain = await stepOf(model);
      const correction = combined(start, start, (_value, _other, index) => (index % 7) / 10);
      model.setParams(start);
      model.setCorrection(correction);
      const corrected = combined(plain, correction, (step, term) => step - term);
      expect(parameterDifference(await stepOf(model), corrected)).toBeLessThan(1e-6);
      model.setParams(start);
      model.setCorrection(undefined);
      expect(parameterDifference(await stepOf(model), plain)).toBeLessThan(1e-7);
    });

    it('refuses a correction that does not fit, or that was not asked for', async () => {
      const model = await compile({ ...SGD, corrected: true });
      expect(() => model.setCorrection({})).toThrow(expect.objectContaining({ code: 'NF_TENSORS_NAMES' }));
      const plain = await compile(SGD);
      expect(() => plain.setCorrection(undefined)).toThrow(
        expect.objectContaining({ code: 'NF_ENGINE_OPTION_INVALID' }),
      );
    });

    it('takes the proximal weight of each step', async () => {
      const model = await compile({ ...SGD, proximal: 0.5 });
      const start = model.getParams();
      await model.trainStep({ ...batch(1), learningRate: 0.1 });
      const moved = model.getParams();
      const [strong, none] = [{ proximal: 2 }, { proximal: 0 }];
      const steps: ParamSet[] = [];
      for (const given of [strong, none]) {
        model.setParams(start);
        await model.trainStep({ ...batch(1), learningRate: 0.1 });
        steps.push(await stepOf(model, { ...batch(2), learningRate: 1, ...given }));
      }
      const [pulled = {}, free = {}] = steps;
      const drift = combined(moved, start, (now, before) => now - before);
      const expected = combined(free, drift, (step, away) => step - 2 * away);
      expect(parameterDifference(pulled, expected)).toBeLessThan(1e-6);
    });
  });
}

interface LossCase {
  readonly options: LossOptions;
  /** Channels of the output. */
  readonly outputs: number;
  /** The loss of one example in float64. */
  readonly expected: (logits: number[], targets: number[]) => number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const LOSSES: Record<string, LossCase> = {
  'softmax-cross-entropy': {
    options: { kind: 'softmax-cross-entropy', labelSmoothing: 0.2 },
    outputs: 2,
    expected: (logits, targets) =>
      mean(
        positions(logits, 2).map((pair, at) => {
          const total = Math.log(pair.reduce((sum, logit) => sum + Math.exp(logit), 0));
          const labels = positions(targets, 2)[at] ?? [];
          return pair.reduce((sum, logit, c) => sum - (0.8 * (labels[c] ?? 0) + 0.1) * (logit - total), 0);
        }),
      ),
  },
  'sigmoid-cross-entropy': {
    options: { kind: 'sigmoid-cross-entropy', labelSmoothing: 0.1 },
    outputs: 2,
    expected: (logits, targets) =>
      mean(
        logits.map((logit, at) => {
          const label = 0.9 * (targets[at] ?? 0) + 0.05;
          return -label * Math.log(sigmoid(logit)) - (1 - label) * Math.log(1 - sigmoid(logit));
        }),
      ),
  },
  'mean-squared-error': {
    options: { kind: 'mean-squared-error' },
    outputs: 1,
    expected: (outputs, targets) => mean(outputs.map((value, at) => (value - (targets[at] ?? 0)) ** 2)),
  },
  'dice, one channel': {
    options: { kind: 'dice' },
    outputs: 1,
    expected: (logits, targets) => dice(logits.map(sigmoid), targets),
  },
  'dice, three channels': {
    options: { kind: 'dice' },
    outputs: 3,
    expected: (logits, targets) => {
      const shares = positions(logits, 3).map((group) => {
        const powers = group.map(Math.exp);
        return powers.map((power) => power / powers.reduce((sum, value) => sum + value, 0));
      });
      const labels = positions(targets, 3);
      return mean(
        [0, 1, 2].map((c) =>
          dice(
            shares.map((p) => p[c] ?? 0),
            labels.map((t) => t[c] ?? 0),
          ),
        ),
      );
    },
  },
  custom: {
    options: {
      kind: 'custom',
      perExample: (outputs, targets) => tf.mean(tf.abs(tf.sub(outputs, targets)), [1, 2, 3]),
    },
    outputs: 1,
    expected: (outputs, targets) => mean(outputs.map((value, at) => Math.abs(value - (targets[at] ?? 0)))),
  },
};

function dice(p: number[], t: number[]): number {
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  return 1 - (2 * sum(p.map((value, at) => value * (t[at] ?? 0))) + 1) / (sum(p) + sum(t) + 1);
}

function positions(values: number[], channels: number): number[][] {
  return Array.from({ length: values.length / channels }, (_, at) =>
    values.slice(at * channels, (at + 1) * channels),
  );
}

/** An image in, an image of logits out. */
function segmenter(outputs: number): tfl.LayersModel {
  const kernelInitializer = tfl.initializers.heNormal({ seed: 5 });
  const { conv2d, conv2dTranspose } = tfl.layers;
  return tfl.sequential({
    layers: [
      conv2d({
        inputShape: [SIZE, SIZE, 1],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'tanh',
        kernelInitializer,
      }),
      conv2dTranspose({ filters: outputs, kernelSize: 2, strides: 2, kernelInitializer }),
    ],
  });
}

function combined(a: ParamSet, b: ParamSet, by: (a: number, b: number, index: number) => number): ParamSet {
  return Object.fromEntries(
    Object.entries(a).map(([name, array]) => {
      const other = b[name]?.data ?? [];
      const data = Float32Array.from(array.data, (value, index) =>
        by(Number(value), Number(other[index]), index),
      );
      return [name, { ...array, dtype: 'float32', data }];
    }),
  );
}
