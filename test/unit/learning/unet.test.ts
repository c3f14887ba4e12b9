import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { elementCount, type NdArray, type ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { modelParameters } from '../../../src/runtime/learning/engine/parameters.ts';
import { makeEngine } from '../../../src/runtime/learning/engine/registry.ts';
import { buildModel } from '../../../src/runtime/learning/models/build.ts';
import { initialParams, paramForms } from '../../../src/runtime/learning/models/initial-params.ts';
import { parseModelSpec, requireTask } from '../../../src/runtime/learning/models/spec.ts';

/** What PyTorch gave; made by test/parity/unet.py. */
const recorded = z
  .object({
    networks: z.array(
      z.object({
        axes: z.union([z.literal(2), z.literal(3)]),
        patch: z.array(z.int()),
        width: z.int(),
        levels: z.int(),
        labels: z.int(),
        channels: z.int(),
        losses: z.array(z.number()),
        logits: z.array(z.number()),
        gradient_norms: z.record(z.string(), z.number()),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(new URL('../../parity/unet.json', import.meta.url), 'utf8')));

/** As `sines` there. */
function sines(name: string, count: number): number[] {
  const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  return Array.from({ length: count }, (_, at) => Math.sin(1.3 * at + phase));
}

function param(name: string, shape: readonly number[]): NdArray {
  const values = sines(name, elementCount(shape));
  const scale = name.endsWith('/kernel') ? Math.sqrt(3 / elementCount(shape.slice(0, -1))) : 0.1;
  const middle = name.endsWith('/gamma') ? 1 : 0;
  return { dtype: 'float32', shape: [...shape], data: Float32Array.from(values, (v) => middle + v * scale) };
}

function exampleOf({ patch, labels, channels }: (typeof recorded.networks)[number]) {
  const [size, outputs] = [2, labels + 1];
  const voxels = size * elementCount(patch);
  const y = new Float32Array(voxels * outputs);
  for (let voxel = 0; voxel < voxels; voxel++)
    y[voxel * outputs + (Math.floor((voxel * voxel) / 7) % outputs)] = 1;
  return { size, x: Float32Array.from(sines('x', voxels * channels)), y };
}

describe('U-Net', () => {
  it.each(recorded.networks)('of $axes axes trains as PyTorch does', async (network) => {
    const { axes, patch, width, levels, labels, channels, losses, logits } = network;
    const spec = {
      type: 'unet',
      dimensions: axes,
      patch_size: patch.toReversed(),
      width,
      levels,
      channels,
      labels: Array.from({ length: labels }, (_, at) => `label ${at}`),
    };
    const params: ParamSet = Object.fromEntries(
      paramForms(spec).map(({ name, shape }) => [name, param(name, shape)]),
    );
    expect(Object.keys(params).sort()).toEqual(Object.keys(network.gradient_norms).sort());
    const engine = await makeEngine('ort', 'test');
    const loss = { kind: 'dice-cross-entropy' } as const;
    const model = await engine.compile(buildModel(spec), { batchSize: 2, optimizer: { kind: 'sgd' }, loss });
    model.setParams(params);
    const { x, y, size } = exampleOf(network);
    const first = await model.predict(x, size);
    for (const [at, value] of logits.entries()) expect(first[at]).toBeCloseTo(value, 4);
    const reached: number[] = [];
    for (const step of losses.keys()) {
      const before = step === 0 ? model.getParams() : undefined;
      reached.push(await model.trainStep({ x, y, size, learningRate: 0.1, seed: step }));
      if (before) expectGradients(before, model.getParams(), network.gradient_norms);
    }
    for (const [at, value] of losses.entries()) expect(reached[at]).toBeCloseTo(value, 3);
    model.dispose();
  });

  it.each([2, 3])('of %s axes has the parameters of initialParams, and their names', (dimensions) => {
    const spec = {
      type: 'unet',
      dimensions,
      patch_size: 16,
      width: 8,
      levels: 3,
      labels: ['core', 'oedema'],
    };
    const model = buildModel({ ...spec, seed: 9 });
    const expected = initialParams(spec, 9);
    const built = modelParameters(model);
    expect(built.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
    for (const { name, shape, variable } of built) {
      expect(shape).toEqual(expected[name]?.shape);
      expect(variable.dataSync()).toEqual(expected[name]?.data);
    }
    const sides = Array.from({ length: dimensions }, () => 16);
    expect(model.outputs[0]?.shape).toEqual([null, ...sides, 3]);
  });

  it('without deep supervision has outputs at the finest level alone', () => {
    const spec = { type: 'unet', patch_size: 16, width: 8, levels: 3 };
    const names = (deep: boolean) =>
      Object.keys(initialParams({ ...spec, deep_supervision: deep })).filter((name) =>
        name.startsWith('logits'),
      );
    expect(names(true)).toEqual(['logits1/kernel', 'logits1/bias', 'logits/kernel', 'logits/bias']);
    expect(names(false)).toEqual(['logits/kernel', 'logits/bias']);
  });

  it.each([
    [
      { patch_size: 20 },
      /patch_size has a side of 20, which 4 levels cannot halve: it must be a multiple of 8, for example 24/,
    ],
    [{ patch_size: [16, 16] }, /patch_size has 2 sides for 3 dimensions/],
    [{ dimensions: 2, patch_size: [16, 16, 16] }, /3 sides for 2 dimensions/],
    [{ patch_size: 16, labels: ['a', 'a'] }, /twice/],
    [{ patch_size: 16, labels: [] }, /labels/],
    [{ patch_size: 16, width: 12 }, /width/],
    [{ patch_size: 16, dimensions: 4 }, /dimensions/],
    [{}, /patch_size/],
  ])('refuses %j', (keys, message) => {
    expect(() => parseModelSpec({ type: 'unet', ...keys })).toThrow(
      expect.objectContaining({ code: 'NF_MODEL_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('names a key of another model', () => {
    expect(() => parseModelSpec({ type: 'unet', image_size: 16 })).toThrow(
      expect.objectContaining({ code: 'NF_MODEL_KEY' }),
    );
  });

  it('learns a segmentation with its labels, and nothing else', () => {
    const spec = parseModelSpec({ type: 'unet', patch_size: 16, labels: ['core', 'oedema'] });
    const masks = { suffix: 'dseg', missing: 'refuse', labels: { oedema: [2], core: [1, 3] } } as const;
    const segmentation = { ...masks, labels: { oedema: [2], core: [1, 3] } };
    expect(() => requireTask(spec, { kind: 'segmentation', masks: segmentation })).not.toThrow();
    expect(() =>
      requireTask(spec, { kind: 'segmentation', masks: { ...masks, labels: { core: [1] } } }),
    ).toThrow(expect.objectContaining({ code: 'NF_MODEL_LABELS' }));
    expect(() => requireTask(spec, { kind: 'classification' })).toThrow(
      expect.objectContaining({ code: 'NF_MODEL_TASK' }),
    );
  });
});

/** One step of plain SGD with rate 0.1 is the gradient. */
function expectGradients(before: ParamSet, after: ParamSet, norms: Readonly<Record<string, number>>): void {
  for (const [name, norm] of Object.entries(norms)) {
    const [from, to] = [before[name]?.data ?? [], after[name]?.data ?? []];
    const square = Array.from(from, (value, at) => ((Number(value) - Number(to[at])) / 0.1) ** 2);
    const own = Math.sqrt(square.reduce((sum, value) => sum + value, 0));
    expect(Math.abs(own - norm), name).toBeLessThan(1e-4 + 2e-3 * norm);
  }
}
