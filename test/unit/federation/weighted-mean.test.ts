import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { NdArray, ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { weightedMean } from '../../support/weighted-mean.ts';

const root = tempFolder();
let folder = '';
let count = 0;

beforeEach(async () => {
  const { mkdir } = await import('node:fs/promises');
  folder = join(root, String(count++));
  await mkdir(folder);
});

interface Update {
  readonly params: ParamSet;
  readonly weight?: number;
  readonly paramsType?: 'FULL' | 'DIFF';
}

async function mean(base: ParamSet, updates: readonly Update[]): Promise<ParamSet> {
  const target = join(folder, 'target.safetensors');
  const contributions = await Promise.all(
    updates.map(async ({ params, weight = 1, paramsType = 'FULL' }, index) => ({
      site: `site-${index + 1}`,
      weight,
      paramsType,
      path: await writeModel(folder, `update-${index}`, params),
    })),
  );
  await weightedMean({ base: await writeModel(folder, 'base', base), target, contributions });
  return readModel(target);
}

const one = (array: NdArray) => ({ x: array });
const values = (set: ParamSet) => [...(set.x?.data ?? [])];
const int8 = (...data: number[]): NdArray => ({
  dtype: 'int8',
  shape: [data.length],
  data: Int8Array.from(data),
});

describe('the weighted mean', () => {
  it('weighs by examples', async () => {
    const result = await mean(one(float32([0])), [
      { params: one(float32([0])), weight: 1 },
      { params: one(float32([10])), weight: 4 },
    ]);
    expect(values(result)).toEqual([8]);
  });

  it('adds the mean of differences to the base', async () => {
    const result = await mean(one(float32([100])), [
      { params: one(float32([1])), paramsType: 'DIFF' },
      { params: one(float32([3])), paramsType: 'DIFF' },
    ]);
    expect(values(result)).toEqual([102]);
  });

  it('takes whole models and differences side by side', async () => {
    const result = await mean(one(float32([100])), [
      { params: one(float32([104])), weight: 3 },
      { params: one(float32([8])), weight: 1, paramsType: 'DIFF' },
    ]);
    expect(values(result)).toEqual([105]);
  });

  it('rounds integers to nearest', async () => {
    const updates = [int8(1, -1, 2, 127), int8(2, -2, 2, 126)].map((array) => ({ params: one(array) }));
    expect(values(await mean(one(int8(0, 0, 0, 0)), updates))).toEqual([2, -1, 2, 127]);
  });

  it('sums in float64: small updates are not lost beside large ones', async () => {
    const updates = [2 ** 24, 1, 1, 1, 1].map((x) => ({ params: one(float32([x])) }));
    const [sum = 0] = values(await mean(one(float32([0])), updates)).map((x) => x * 5);
    expect(sum).toBe(Math.fround((2 ** 24 + 4) / 5) * 5);
  });

  it('keeps scalars and empty arrays', async () => {
    const set = { s: float32([2], []), none: float32([], [0, 4]) };
    expect(await mean(set, [{ params: set }, { params: set }])).toEqual(set);
  });

  it('finds arrays by name, wherever they lie in the file', async () => {
    const base: ParamSet = { a: float32([0]), b: { dtype: 'float64', shape: [1], data: Float64Array.of(0) } };
    const update: ParamSet = {
      b: { dtype: 'float64', shape: [1], data: Float64Array.of(2) },
      a: float32([1]),
    };
    expect(await mean(base, [{ params: update }])).toEqual(update);
  });

  it('is the same over many slices as over one', async () => {
    const length = 2 * 262_144 + 5;
    const ramp = (step: number) => float32(Array.from({ length }, (_, index) => (index * step) % 1024));
    const result = await mean(one(ramp(0)), [{ params: one(ramp(1)) }, { params: one(ramp(3)), weight: 3 }]);
    const wrong = values(result).findIndex(
      (x, index) => x !== Math.fround(((index % 1024) + 3 * ((3 * index) % 1024)) / 4),
    );
    expect(wrong).toBe(-1);
    expect(result.x?.data).toHaveLength(length);
  });

  it('is finite where all updates are, whatever their weights', async () => {
    const float64 = (x: number): NdArray => ({ dtype: 'float64', shape: [1], data: Float64Array.of(x) });
    const result = await mean(one(float64(0)), [
      { params: one(float64(1.7e308)), weight: 1e12 },
      { params: one(float64(1.5e308)), weight: 1e12 },
    ]);
    expect(values(result)[0]).toBeCloseTo(1.6e308, -300);
  });

  it.each<[string, 'FULL' | 'DIFF', number]>([
    ['whole models', 'FULL', 1],
    ['differences', 'DIFF', 0],
  ])('is made of %s up to the last number of float32', async (_, paramsType, part) => {
    const ends = [3.4028234663852886e38, -3.4028234663852886e38, 2 ** 127, 1e-45, 0];
    const update = { params: one(float32(ends.map((end) => part * end))), paramsType };
    const result = await mean(one(float32(ends)), [update, { ...update, weight: 3 }]);
    expect(values(result)).toEqual([...float32(ends).data]);
  });

  it.each<[string, ParamSet, Update[], string]>([
    [
      'a difference that leaves float32',
      one(float32([1, 3e38])),
      [
        { params: one(float32([0, 3.3e38])), weight: 1000, paramsType: 'DIFF' },
        { params: one(float32([0, 0])), weight: 1, paramsType: 'DIFF' },
      ],
      'site-1',
    ],
    [
      'a difference beside whole models',
      one(float32([3e38, 3e38])),
      [
        { params: one(float32([3e38, 3e38])) },
        { params: one(float32([0, 3.4e38])), weight: 1000, paramsType: 'DIFF' },
      ],
      'site-2',
    ],
    [
      'an integer that would start again at the other end',
      one(int8(100, 100)),
      [
        { params: one(int8(1, 100)), weight: 3, paramsType: 'DIFF' },
        { params: one(int8(1, 2)), paramsType: 'DIFF' },
      ],
      'site-1',
    ],
  ])('names the site of %s', async (_, base, updates, site) => {
    await expect(mean(base, updates)).rejects.toMatchObject({
      code: 'NF_AGGREGATE_NOT_FINITE',
      message: expect.stringContaining("'x' at index 1"),
      place: { site },
    });
    expect((await readdir(folder)).sort()).toEqual([
      'base.safetensors',
      'update-0.safetensors',
      'update-1.safetensors',
    ]);
  });

  it('of an array that some sites keep to themselves is that of the others; one that nobody sends is what it was', async () => {
    const base = { x: float32([1]), y: float32([1]), z: float32([7]) };
    const updates = [{ params: { x: float32([2]) } }, { params: { x: float32([4]), y: float32([9]) } }];
    const { x, y, z } = await mean(base, updates);
    expect([x, y, z].map((array) => [...(array?.data ?? [])])).toEqual([[3], [9], [7]]);
  });

  it('names the update that cannot be read', async () => {
    const { writeFile } = await import('node:fs/promises');
    const bad = join(folder, 'bad.safetensors');
    await writeFile(bad, 'nonsense');
    const base = await writeModel(folder, 'base', one(float32([1])));
    const contributions = [{ site: 'a', path: bad, weight: 1, paramsType: 'FULL' as const }];
    await expect(weightedMean({ base, target: join(folder, 't'), contributions })).rejects.toMatchObject({
      code: 'NF_TENSORS_FILE',
      place: { file: bad },
    });
  });
});
