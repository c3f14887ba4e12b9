import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256File } from '../../../src/runtime/base/digest.ts';
import { DTYPES, type NdArray, type ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { fromFloat16, toFloat16 } from '../../../src/runtime/base/tensors/packed/float16.ts';
import { chosenOf } from '../../../src/runtime/base/tensors/packed/form.ts';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { PackingSpec } from '../../../src/runtime/job/result-filters.ts';
import { unpackTaskFile } from '../../../src/runtime/run/task-file.ts';
import type { Answer } from '../../../src/runtime/site/answer.ts';
import { remainsName } from '../../../src/runtime/site/kept.ts';
import { packAnswer } from '../../../src/runtime/site/packing/pack-answer.ts';
import { writeKept } from '../../../src/runtime/site/write-kept.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { float32, sameFormSets } from '../../support/param-sets.ts';
import { taskOf } from '../../support/site-tasks.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const newFolder = async () => {
  const folder = join(root, String(count++));
  await mkdir(folder);
  return folder;
};

const FLOAT16: PackingSpec = { name: 'float16' };
const NEAREST: PackingSpec = { name: 'int8', rounding: 'nearest' };
const STOCHASTIC: PackingSpec = { name: 'int8', rounding: 'stochastic' };
const TOP: PackingSpec = { name: 'top_k', ratio: 0.3 };

interface Given {
  readonly base: ParamSet;
  readonly update: ParamSet;
  readonly paramsType?: 'FULL' | 'DIFF';
  readonly packing: PackingSpec;
  readonly kept?: string;
  readonly seed?: number;
  readonly folder?: string;
}

async function packed({ base, update, paramsType = 'DIFF', packing, kept, seed = 1, ...given }: Given) {
  const folder = given.folder ?? (await newFolder());
  const model = await writeModel(folder, 'model', base);
  const path = await writeModel(folder, 'update', update);
  const file = { path, sha256: await sha256File(path), size: (await stat(path)).size };
  const said = { numExamples: 1, metrics: {}, statistics: { means: {}, totals: {} }, seconds: 1 } as const;
  const answer: Answer = { ...said, paramsType, files: { model: file }, state: undefined, engine: undefined };
  const task = { ...taskOf({ round: 2 }), seed };
  const made = await packAnswer(answer, { task, packing, model, kept });
  return { ...made, folder, model, path, plain: file };
}

const rule = (packing: PackingSpec) => ({ form: 'subset:model' as const, packing });

async function unpacked(path: string, model: string, packing: PackingSpec): Promise<ParamSet> {
  const target = `${path}.plain`;
  const file = { path, model, rule: rule(packing), name: 'model', task: 'train/2/site-1', target };
  const sha256 = await unpackTaskFile(file);
  expect(sha256).toBe(await sha256File(target));
  return readModel(target);
}

async function there(given: Given): Promise<ParamSet> {
  const { answer, model, path, plain } = await packed(given);
  expect(answer).toMatchObject({ paramsType: 'DIFF', encoding: `${given.packing.name}.1` });
  expect(answer.files.model).toEqual({ path, sha256: await sha256File(path), size: (await stat(path)).size });
  expect(plain.path).toBe(path);
  return unpacked(path, model, given.packing);
}

const differences = ({ base, update, paramsType }: Given, name: string): number[] =>
  Array.from(update[name]?.data ?? [], (value, at) =>
    paramsType === 'FULL' ? value - (base[name]?.data[at] ?? 0) : value,
  );
const isFloat = ({ dtype }: NdArray) => dtype.startsWith('float');
const roundOff = (one: NdArray, value: number) => (one.dtype === 'float32' ? 1e-6 : 1e-12) * Math.abs(value);

/** Below it float64 has no full number. */
const DENORMAL = 2 ** -1022;

const given = fc
  .tuple(sameFormSets(2), fc.constantFrom('FULL' as const, 'DIFF' as const))
  .map(([[base = {}, update = {}], paramsType]) => ({ base, update, paramsType }))
  // Of whole models with integers a difference may be none of their type.
  .map((one) => (Object.values(one.base).every(isFloat) ? one : { ...one, paramsType: 'DIFF' as const }));

it('of a model of many arrays is unpacked within the memory of one', async () => {
  const arrays = Array.from({ length: 1500 }, (_, at) => [`w${at}`, float32([0, 0, 0, at + 1])] as const);
  const params = Object.fromEntries(arrays);
  const { path, model } = await packed({ base: params, update: params, packing: TOP });
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const looking = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 1);
  const made = await unpacked(path, model, TOP).finally(() => clearInterval(looking));
  expect(made).toEqual(params);
  expect(most).toBeLessThan(500e6);
});

describe('numbers of 16 bits', () => {
  it('come back as they were, all of them', () => {
    for (let bits = -32_768; bits < 32_768; bits++) {
      const value = fromFloat16(bits);
      if (Number.isNaN(value)) expect((bits & 0x7c00) >> 10).toBe(31);
      else expect(toFloat16(value)).toBe(bits);
    }
  });

  it.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [2 ** -24, 1],
    [2 ** -14, 0x400],
    [0.1, 0x2e66],
    // Ties go to the even one.
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [1e-30, 0],
    // Carried into the exponent.
    [2 - 2 ** -12, 0x4000],
  ])('has %d as %i', (value, bits) => {
    expect(toFloat16(value) & 0xffff).toBe(bits);
  });
});

describe('a packed update', () => {
  it.each([FLOAT16, NEAREST, STOCHASTIC])(
    'of any arrays comes back within its rounding: %j',
    async (packing) => {
      await fc.assert(
        fc.asyncProperty(given, async (one) => {
          const found = await there({ ...one, packing });
          expect(Object.keys(found).sort()).toEqual(Object.keys(one.update).sort());
          for (const [name, array] of Object.entries(one.update)) {
            const wanted = differences({ ...one, packing }, name);
            expect(found[name]).toMatchObject({ dtype: array.dtype, shape: array.shape });
            const most = Math.max(0, ...wanted.map(Math.abs));
            for (const [at, value] of Array.from(found[name]?.data ?? []).entries()) {
              const off = Math.abs(value - (wanted[at] ?? Number.NaN));
              if (!isFloat(array)) expect(off).toBe(0);
              else if (packing.name === 'float16')
                expect(off).toBeLessThanOrEqual(
                  2 ** -11 * Math.abs(wanted[at] ?? 0) + 2 ** -38 * most + DENORMAL,
                );
              else {
                const steps = packing.rounding === 'nearest' ? 0.5 : 1;
                expect(off).toBeLessThanOrEqual(
                  steps * (most / 127) * (1 + 1e-9) + roundOff(array, most) + DENORMAL,
                );
              }
            }
          }
        }),
        { numRuns: 30 },
      );
    },
  );

  it('has the largest numbers of each array, of equal ones the first, and the rest is kept', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (one) => {
        const { path, model, remains } = await packed({ ...one, packing: TOP });
        const found = await unpacked(path, model, TOP);
        const left = await readModel(remains?.model ?? '');
        for (const [name, array] of Object.entries(one.update)) {
          const wanted = differences({ ...one, packing: TOP }, name);
          if (!isFloat(array)) {
            expect(Array.from(found[name]?.data ?? [])).toEqual(wanted);
            continue;
          }
          const sizes = wanted.map((value) => Math.abs(Math.fround(value)));
          const order = sizes.map((_, at) => at).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b);
          const chosen = new Set(order.slice(0, chosenOf(wanted.length, 0.3)));
          const expected = wanted.map((value, at) => (chosen.has(at) ? Math.fround(value) : 0));
          expect(Array.from(found[name]?.data ?? [], (value) => value + 0)).toEqual(
            expected.map((value) => value + 0),
          );
          const rest = wanted.map((value, at) => value - (expected[at] ?? 0));
          expect(Array.from(left[name]?.data ?? [])).toEqual(Array.from(DTYPES[array.dtype].from(rest)));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is as small as it says', async () => {
    const update = { w: float32(Array.from({ length: 10_000 }, (_, at) => Math.sin(at))) };
    const base = { w: float32(new Array<number>(10_000).fill(0)) };
    const sizeOf = async (packing: PackingSpec) =>
      (await packed({ base, update, packing })).answer.files.model?.size ?? 0;
    const plain = encodeSafetensors(update).length;
    expect(plain).toBeGreaterThan(40_000);
    expect(await sizeOf(FLOAT16)).toBeLessThan(20_300);
    expect(await sizeOf(NEAREST)).toBeLessThan(10_300);
    expect(await sizeOf({ name: 'top_k', ratio: 0.01 })).toBeLessThan(1100);
  });

  it('is the same however an array is cut: more numbers than are looked at at a time', async () => {
    const length = (1 << 18) + 7;
    const numbers = Float32Array.from({ length }, (_, at) => ((at * 7919) % 100_003) - 50_000);
    const update = { w: { dtype: 'float32', shape: [length], data: numbers } } as const;
    const base = { w: { ...update.w, data: new Float32Array(length) } };
    const close = async (packing: PackingSpec, most: number) => {
      const found = await there({ base, update, packing });
      expect(numbers.findIndex((value, at) => !(Math.abs(value - (found.w?.data[at] ?? NaN)) <= most))).toBe(
        -1,
      );
    };
    await close(FLOAT16, 16);
    await close(NEAREST, 200);
    const found = (await there({ base, update, packing: { name: 'top_k', ratio: 0.5 } })).w?.data ?? [];
    const sent = numbers.filter((value, at) => found[at] === value && value !== 0).length;
    expect(sent).toBe(Math.ceil(length / 2));
  });

  it('is right in the mean where chance rounds, by the seed of its task alone', async () => {
    const length = 4000;
    const update = { w: float32([1, ...new Array<number>(length - 1).fill(0.0005)]) };
    const base = { w: float32(new Array<number>(length).fill(0)) };
    const meanOf = (set: ParamSet) =>
      Array.from(set.w?.data ?? [])
        .slice(1)
        .reduce((sum, value) => sum + value, 0) /
      (length - 1);
    const one = await there({ base, update, packing: STOCHASTIC, seed: 3 });
    // A sixteenth of a step each: always rounded to the nearest, nothing would be left.
    expect(meanOf(one)).toBeGreaterThan(0.0004);
    expect(meanOf(one)).toBeLessThan(0.0006);
    expect(meanOf(await there({ base, update, packing: NEAREST }))).toBe(0);
    expect(await there({ base, update, packing: STOCHASTIC, seed: 3 })).toEqual(one);
    expect(await there({ base, update, packing: STOCHASTIC, seed: 4 })).not.toEqual(one);
  });

  it('loses nothing over many tasks: what travels and what is left is all there was', async () => {
    const base = { b: float32([0]), w: float32(new Array<number>(20).fill(0)) };
    const all = new Float64Array(20);
    const sent = new Float64Array(20);
    let kept: string | undefined;
    const folder = await newFolder();
    for (let round = 1; round <= 12; round++) {
      const data = Array.from({ length: 20 }, (_, at) => Math.sin(round * 31 + at * 7) * 2 ** -(at % 5));
      for (const [at, value] of data.entries()) all[at] = (all[at] ?? 0) + Math.fround(value);
      const made = await packed({
        base,
        update: round % 3 === 0 ? { w: float32(data) } : { b: float32([round]), w: float32(data) },
        packing: { name: 'top_k', ratio: 0.1 },
        folder,
        ...(kept !== undefined && { kept }),
      });
      const found = await unpacked(made.path, made.model, { name: 'top_k', ratio: 0.1 });
      for (const [at, value] of Array.from(found.w?.data ?? []).entries()) sent[at] = (sent[at] ?? 0) + value;
      const next = join(folder, `kept-${round}`);
      const secret = new Uint8Array(32);
      const before = { received: made.model, kept, patterns: [] };
      await writeKept(
        next,
        { model: undefined, state: undefined, secret, remains: made.remains ?? {} },
        before,
      );
      kept = next;
    }
    const left = (await readModel(kept ?? ''))[remainsName('model', 'w')]?.data ?? [];
    for (const [at, value] of all.entries()) expect((sent[at] ?? 0) + (left[at] ?? 0)).toBeCloseTo(value, 5);
  });

  it('comes to the same bytes again', async () => {
    for (const packing of [FLOAT16, NEAREST, STOCHASTIC, TOP]) {
      const update = {
        n: { dtype: 'int32', shape: [1], data: Int32Array.of(5) },
        w: float32([1, -2, 3]),
      } as const;
      const [one, two] = [
        await packed({ base: update, update, packing }),
        await packed({ base: update, update, packing }),
      ];
      expect(await readFile(one.path)).toEqual(await readFile(two.path));
    }
  });

  it.each([
    [
      'a number that is none',
      { w: float32([1, Number.NaN]) },
      'DIFF',
      { code: 'NF_TENSORS_NOT_FINITE', message: expect.stringContaining("'w' holds NaN at index 1") },
    ],
    [
      'a difference beyond float32',
      { w: float32([-3e38, 0]) },
      'FULL',
      { code: 'NF_TENSORS_NOT_FINITE', message: expect.stringContaining("'w' holds -6") },
    ],
    [
      'a difference that its integers do not hold',
      { n: { dtype: 'uint8', shape: [1], data: Uint8Array.of(3) } },
      'FULL',
      { message: expect.stringContaining("'n' of uint8 differs by -4 at index 0") },
    ],
  ] as const)('of %s is refused where it is made', async (_, update, paramsType, error) => {
    const base: ParamSet = {
      n: { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) },
      w: float32([3e38, 0]),
    };
    for (const packing of [FLOAT16, NEAREST, TOP]) {
      const folder = await newFolder();
      await expect(packed({ base, update, paramsType, packing, folder })).rejects.toMatchObject(error);
    }
  });
});

describe('a file that no site packs', () => {
  const base = { b: float32([0, 0]), w: float32(new Array<number>(10).fill(0)) };
  const TEN: PackingSpec = { name: 'top_k', ratio: 0.3 };
  const int8 = (w: readonly number[], b: readonly number[] = [1, 1]) => ({
    w: { dtype: 'int8' as const, shape: [w.length], data: Int8Array.from(w) },
    b: { dtype: 'int8' as const, shape: [b.length], data: Int8Array.from(b) },
  });
  const half = (w: readonly number[]) => ({
    w: { dtype: 'int16' as const, shape: [10], data: Int16Array.from(w) },
    b: { dtype: 'int16' as const, shape: [2], data: new Int16Array(2) },
  });
  const scales = (...data: number[]) => ({
    '': { dtype: 'float64' as const, shape: [data.length], data: Float64Array.from(data) },
  });
  const ones = new Array<number>(10).fill(1);
  /** Of b 1 number travels, of w 3. */
  const top = (places: readonly number[], w = [1, 2, 3]) => ({
    w: float32(w),
    b: float32([1]),
    '': { dtype: 'int32' as const, shape: [places.length], data: Int32Array.from(places) },
  });

  it.each([
    [
      'a scale that is no number',
      NEAREST,
      { ...int8(ones), ...scales(1, Number.NaN) },
      "'w'.*its scale is NaN",
    ],
    ['an endless scale', NEAREST, { ...int8(ones), ...scales(Number.POSITIVE_INFINITY, 1) }, "'b'.*Infinity"],
    ['a scale below 0', FLOAT16, { ...half(ones), ...scales(-1, 1) }, "'b'.*its scale is -1"],
    [
      'a scale that leads out of float32',
      NEAREST,
      { ...int8(ones), ...scales(1, 1e39) },
      "'w' holds Infinity",
    ],
    [
      'a number that no site rounds to',
      NEAREST,
      { ...int8([1, -128, ...ones.slice(2)]), ...scales(1, 1) },
      'at index 1',
    ],
    ['half a NaN', FLOAT16, { ...half([0x7e00, ...ones.slice(1)]), ...scales(1, 1) }, "'w'.*at index 0"],
    ['half an Infinity', FLOAT16, { ...half([1, 0x7c00, ...ones.slice(2)]), ...scales(1, 1) }, 'at index 1'],
    ['too few scales', NEAREST, { ...int8(ones), ...scales(1) }, "''.*float64"],
    [
      'another number of values',
      NEAREST,
      { ...int8(ones.slice(1)), ...scales(1, 1) },
      "'w' is int8.*\\[9\\]",
    ],
    ['numbers of another width', FLOAT16, { ...int8(ones), ...scales(1, 1) }, 'int16'],
    ['no scales', NEAREST, int8(ones), "missing ''"],
    ['an array of no model', NEAREST, { ...int8(ones), ...scales(1, 1), x: float32([1]) }, "unknown 'x'"],
    ['a plain update', NEAREST, base, 'NF_TENSORS'],
    [
      'a place that is given twice',
      TEN,
      top([0, 4, 4, 7]),
      "'w'.*its place 4 is given twice, or out of order",
    ],
    ['places out of order', TEN, top([0, 5, 4, 7]), "'w'.*its place 4"],
    ['a place beyond the array', TEN, top([0, 1, 2, 10]), "'w'.*its place 10 is none of 10"],
    ['a place beyond the first array', TEN, top([2, 1, 2, 3]), "'b'.*its place 2 is none of 2"],
    ['a place below 0', TEN, top([-1, 1, 2, 3]), "'b'.*its place -1"],
    ['a value that is no number', TEN, top([0, 1, 2, 3], [1, Number.NaN, 3]), "'w' holds NaN at index 2"],
    ['more places than values', TEN, top([0, 1, 2, 3, 4]), "''.*int32"],
    ['more values than were asked for', TEN, top([0, 1, 2, 3, 4], [1, 2, 3, 4]), "'w' is float32"],
  ] as const)('is refused by name: %s', async (_, packing, arrays: ParamSet, text) => {
    const folder = await newFolder();
    const model = await writeModel(folder, 'model', base);
    const path = await writeModel(folder, 'sent', arrays);
    const refused: unknown = await unpacked(path, model, packing).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: expect.stringMatching(/^NF_TENSORS_/) });
    const { code, message } = refused as { code: string; message: string };
    expect(`${code} ${message}`).toMatch(new RegExp(text));
    await expect(stat(`${path}.plain`)).rejects.toThrow();
  });

  it('is refused by name: one whose header holds more, or that is cut', async () => {
    const folder = await newFolder();
    const model = await writeModel(folder, 'model', base);
    const bytes = Buffer.from(encodeSafetensors({ ...int8(ones), ...scales(1, 1) }));
    const path = join(folder, 'sent.safetensors');
    await writeFile(path, bytes.subarray(0, bytes.length - 1));
    await expect(unpacked(path, model, NEAREST)).rejects.toMatchObject({ code: 'NF_TENSORS_FILE' });
    const header = JSON.parse(bytes.subarray(8, 8 + bytes.readUInt32LE(0)).toString()) as object;
    const text = Buffer.from(JSON.stringify({ __metadata__: { secret: 'of the site' }, ...header }));
    const length = Buffer.alloc(8);
    length.writeUInt32LE(text.length);
    await writeFile(path, Buffer.concat([length, text, bytes.subarray(8 + bytes.readUInt32LE(0))]));
    await expect(unpacked(path, model, NEAREST)).rejects.toMatchObject({
      code: 'NF_TENSORS_FILE',
      message: expect.stringContaining('its header holds more'),
    });
  });
});
