import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import type { NdArray, ParamSet } from '../../../../src/runtime/base/tensors/nd-array.ts';
import type { CompiledModel, Engine, TrainBatch } from '../../../../src/runtime/learning/engine/engine.ts';
import { makeEngine, makeOrtBuild } from '../../../../src/runtime/learning/engine/registry.ts';
import { tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { LAYER_TABLE, type LayerCase, type Outcome } from './layer-table.ts';

const BATCH = 4;
const OPTIONS = { batchSize: BATCH, optimizer: { kind: 'sgd' } } as const;

/** Of differences that stand for derivatives. */
const STEP = 0.003;

let ort: Engine;
let cpu: Engine;

beforeAll(async () => {
  ort = await makeOrtBuild('wasm', 'test', 1);
  cpu = await makeEngine('cpu', 'test');
});

const CHECKS: Record<Outcome, (layer: LayerCase) => Promise<void>> = {
  agrees: trainsAlike,
  derivative: followsDifferences,
  unmapped: async (layer) => {
    await expect(ort.compile(build(layer), OPTIONS)).rejects.toMatchObject({
      code: 'NF_ENGINE_KERNEL_UNMAPPED',
    });
  },
  beyond: async (layer) => {
    const model = await cpu.compile(build(layer), OPTIONS);
    await expect(model.trainStep(batch(layer, 1))).rejects.toThrow();
    if (layer.withoutScale) return stepsAlike(layer);
    return layer.same ? trainsAlike(layer) : followsDifferences(layer);
  },
  tfjs: async (layer) => {
    await expect(ort.compile(build(layer), OPTIONS)).rejects.toThrow();
    const model = await cpu.compile(build(layer), OPTIONS);
    await expect(model.trainStep(batch(layer, 1))).rejects.toThrow();
  },
};

async function trainsAlike(layer: LayerCase): Promise<void> {
  const [actual, expected] = await pair(layer);
  for (const step of [1, 2, 3]) {
    const loss = await expected.trainStep(batch(layer, step));
    const difference = (await actual.trainStep(batch(layer, step))) - loss;
    expect(Math.abs(difference)).toBeLessThan(1e-5 * Math.max(1, loss) + 2e-6);
  }
  expect(distance(actual.getParams(), expected.getParams())).toBeLessThan(1e-5);
  const { x } = batch(layer, 4);
  const logits = await expected.predict(x, BATCH);
  expect(
    Math.max(...(await actual.predict(x, BATCH)).map((logit, at) => Math.abs(logit - (logits[at] ?? 0)))),
  ).toBeLessThan(1e-4);
}

/** One step beside a model that has a scale more, at first 1. */
async function stepsAlike(layer: LayerCase): Promise<void> {
  const actual = await ort.compile(build(layer), OPTIONS);
  const expected = await cpu.compile(build({ ...layer, build: layer.same ?? layer.build }), OPTIONS);
  const params = scaled(expected.getParams());
  expected.setParams(params);
  const names = Object.keys(actual.getParams());
  const own = (all: ParamSet) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
  expect(Object.keys(params).filter((name) => !names.includes(name))).toHaveLength(1);
  actual.setParams(own(params));
  const loss = await expected.trainStep(batch(layer, 1));
  expect(await actual.trainStep(batch(layer, 1))).toBeCloseTo(loss, 5);
  expect(distance(actual.getParams(), own(expected.getParams()))).toBeLessThan(1e-5);
}

async function followsDifferences(layer: LayerCase): Promise<void> {
  const [actual, forward] = await pair(layer);
  const start = actual.getParams();
  const given = { ...batch(layer, 1), learningRate: 1 };
  const loss = await actual.trainStep(given);
  const gradient = combined(start, actual.getParams(), (before, after) => before - after);
  expect(await lossAt(forward, start, given)).toBeCloseTo(loss, 5);
  for (const direction of [1, 2, 3].map((seed) => randomLike(start, seed))) {
    const along = (by: number) => combined(start, direction, (value, slope) => value + by * slope);
    const [ahead, back] = [
      await lossAt(forward, along(STEP), given),
      await lossAt(forward, along(-STEP), given),
    ];
    const expected = (ahead - back) / (2 * STEP);
    expect(Math.abs(dot(gradient, direction) - expected)).toBeLessThan(1e-2 * Math.abs(expected) + 2e-3);
  }
}

describe('layers of tfjs on the ort engine', () => {
  for (const layer of LAYER_TABLE) {
    it(`${layer.name}: ${layer.outcome}`, () => CHECKS[layer.outcome](layer));
  }

  it('names every case once', () => {
    expect(new Set(LAYER_TABLE.map(({ name }) => name)).size).toBe(LAYER_TABLE.length);
  });
});

function build({ input, build: middle }: Pick<LayerCase, 'input' | 'build'>): tfl.LayersModel {
  const x = tfl.input({ shape: [...input] });
  const inner = middle(x);
  const flat = inner.shape.length > 2 ? (tfl.layers.flatten().apply(inner) as tfl.SymbolicTensor) : inner;
  return tfl.model({ inputs: x, outputs: tfl.layers.dense({ units: 2 }).apply(flat) as tfl.SymbolicTensor });
}

/** The same model with the same weights on ort and on cpu. */
async function pair(layer: LayerCase): Promise<[CompiledModel, CompiledModel]> {
  const [actual, expected] = [
    await ort.compile(build(layer), OPTIONS),
    await cpu.compile(build({ ...layer, build: layer.same ?? layer.build }), OPTIONS),
  ];
  const params = scaled(expected.getParams());
  for (const model of [actual, expected]) model.setParams(params);
  return [actual, expected];
}

/** Weights that do not depend on chance; statistics of normalisations stay positive. */
function scaled(params: ParamSet): ParamSet {
  const random = randomLike(params, 9);
  return combined(
    params,
    random,
    (_, value) => value * 0.3 + 0.05,
    (name) => !/moving|gamma/.test(name),
  );
}

function batch({ input, name }: LayerCase, step: number): TrainBatch {
  const random = createRandom('layers', step);
  const size = input.reduce((product, length) => product * length, BATCH);
  const draw = name === 'embedding' ? () => random.int(4) : random.normal;
  const x = new Float32Array(size).map(draw);
  const y = Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0);
  return { x, y, size: BATCH, learningRate: 0.05, seed: step };
}

/** The loss with given parameters; the cpu backend's forward pass is right also where its gradient is not. */
async function lossAt(model: CompiledModel, params: ParamSet, given: TrainBatch): Promise<number> {
  model.setParams(params);
  const logits = await model.predict(given.x, BATCH);
  const losses = Array.from({ length: BATCH }, (_, row) => {
    const [a = 0, b = 0] = logits.subarray(row * 2);
    const total = Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
    return total - (given.y[row * 2] === 1 ? a : b);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / BATCH;
}

type Combine = (a: number, b: number) => number;

function combined(
  first: ParamSet,
  second: ParamSet,
  by: Combine,
  chosen = (_name: string) => true,
): ParamSet {
  return Object.fromEntries(
    Object.entries(first).map(([name, array]): [string, NdArray] => {
      const other = second[name]?.data ?? [];
      const data = chosen(name)
        ? Float32Array.from(array.data, (value, at) => by(Number(value), Number(other[at])))
        : array.data;
      return [name, { dtype: 'float32', shape: [...array.shape], data: Float32Array.from(data, Number) }];
    }),
  );
}

function randomLike(params: ParamSet, seed: number): ParamSet {
  const random = createRandom('direction', seed);
  return combined(params, params, () => random.normal());
}

function dot(a: ParamSet, b: ParamSet): number {
  const products = combined(a, b, (x, y) => x * y);
  return Object.values(products).reduce(
    (sum, { data }) => sum + Array.from(data, Number).reduce((s, v) => s + v, 0),
    0,
  );
}

function distance(a: ParamSet, b: ParamSet): number {
  const differences = combined(a, b, (x, y) => Math.abs(x - y));
  return Math.max(...Object.values(differences).flatMap(({ data }) => Array.from(data, Number)));
}
