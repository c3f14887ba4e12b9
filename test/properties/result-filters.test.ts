import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256File } from '../../src/runtime/base/digest.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { exclusionOf, type ResultFilterSpec } from '../../src/runtime/job/result-filters.ts';
import type { Answer } from '../../src/runtime/site/answer.ts';
import { applyFilters } from '../../src/runtime/site/filters/apply-filters.ts';
import { NO_BUDGET, secretsOf } from '../../src/runtime/site/filters/means.ts';
import { readModel, writeModel } from '../support/model-files.ts';
import { arrayName, sameFormSets } from '../support/param-sets.ts';
import { taskOf } from '../support/site-tasks.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const secrets = secretsOf(async () => new Uint8Array(32));
const task = taskOf({ round: 2 });

interface Given {
  readonly base: ParamSet;
  readonly update: ParamSet;
  readonly paramsType: 'FULL' | 'DIFF';
}

const given: fc.Arbitrary<Given> = fc
  .tuple(sameFormSets(2), fc.constantFrom('FULL', 'DIFF'))
  .map(([[base = {}, update = {}], paramsType]) => ({ base, update, paramsType }));

async function filtered(
  { base, update, paramsType }: Given,
  job: readonly ResultFilterSpec[],
): Promise<Answer> {
  const path = await writeModel(folder, 'update', update);
  const size = (await readFile(path)).length;
  const answer: Answer = {
    paramsType,
    numExamples: 3,
    metrics: { accuracy: 0.5 },
    statistics: { means: { accuracy: { sum: 1.5, weight: 3 } }, totals: {} },
    files: { model: { path, sha256: await sha256File(path), size } },
    state: undefined,
    engine: undefined,
    seconds: 1,
  };
  const model = await writeModel(folder, 'base', base);
  const at = { task, model, site: 'site-1', secrets, budget: NO_BUDGET };
  return applyFilters(answer, { job, site: [] }, at);
}

/** The answer's file is what it says, in the one place for it; nothing else of it is another. */
async function paramsOf({ files: { model: update }, ...rest }: Answer): Promise<ParamSet> {
  if (!update) throw new Error('no update');
  expect(update).toEqual({
    path: join(folder, 'update.safetensors'),
    sha256: await sha256File(update.path),
    size: (await readFile(update.path)).length,
  });
  expect(rest).toMatchObject({ numExamples: 3, metrics: { accuracy: 0.5 }, seconds: 1 });
  return readModel(update.path);
}

/** Float arrays alone: what an update differs by. */
function differences({ base, update, paramsType }: Given): number[] {
  const byName = Object.entries(update).sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.flatMap(([name, { dtype, data }]) =>
    dtype.startsWith('float')
      ? [...data].map((value, index) => value - (paramsType === 'FULL' ? (base[name]?.data[index] ?? 0) : 0))
      : [],
  );
}
const normOf = (values: readonly number[]) => Math.hypot(...values);
const largest = (set: ParamSet) =>
  Math.max(1e-30, ...Object.values(set).flatMap(({ data }) => [...data].map(Math.abs)));

describe('norm_clip of any update', () => {
  const most = fc.double({ min: 1e-3, max: 1e7, noNaN: true });

  it('leaves no more than it says, in the direction it had, and arrays of integers as they were', async () => {
    await fc.assert(
      fc.asyncProperty(given, most, async (one, max_norm) => {
        const after = await paramsOf(await filtered(one, [{ name: 'norm_clip', max_norm }]));
        const [before, now] = [differences(one), differences({ ...one, update: after })];
        const norm = normOf(before);
        // What float32 rounds.
        const slack = 1e-6 * Math.sqrt(before.length) * (largest(one.base) + largest(one.update));
        expect(normOf(now)).toBeLessThanOrEqual(max_norm + slack);
        const factor = Math.min(1, max_norm / norm);
        for (const [index, value] of before.entries())
          expect(Math.abs((now[index] ?? Number.NaN) - value * factor)).toBeLessThanOrEqual(slack);
        for (const [name, array] of Object.entries(one.update))
          if (!array.dtype.startsWith('float')) expect(after[name]).toEqual(array);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves the bytes of an update as they are that is within it', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (one) => {
        const before = await writeModel(folder, 'same', one.update);
        const max_norm = normOf(differences(one)) * 1.001 + 1e-9;
        const { files } = await filtered(one, [{ name: 'norm_clip', max_norm }]);
        expect(files.model?.sha256).toBe(await sha256File(before));
      }),
      { numRuns: 20 },
    );
  });

  it('has room for numbers whose squares have none', async () => {
    const data = Float64Array.of(1.5e308, -1.5e308);
    const update = { a: { dtype: 'float64', shape: [2], data } } as const;
    const base = { a: { dtype: 'float64', shape: [2], data: Float64Array.of(-1.5e308, 1.5e308) } } as const;
    for (const paramsType of ['FULL', 'DIFF'] as const) {
      const one = await paramsOf(
        await filtered({ base, update, paramsType }, [{ name: 'norm_clip', max_norm: 1 }]),
      );
      const [first = 0, second = 0] = one.a?.data ?? [];
      if (paramsType === 'DIFF')
        expect([first, -second]).toEqual(Array(2).fill(expect.closeTo(Math.SQRT1_2, 12)));
      else expect([first, second]).toEqual([-1.5e308, 1.5e308]);
    }
  });
});

describe('exclude_vars of any update', () => {
  it('sends the other arrays as they were, in a file of their own form, and the same bytes again', async () => {
    await fc.assert(
      fc.asyncProperty(given, fc.nat(3), async (one, which) => {
        const names = Object.keys(one.update);
        const out = names[which % names.length] ?? '';
        fc.pre(names.length > 1 && !out.includes('*'));
        const filter: ResultFilterSpec = { name: 'exclude_vars', exclude_vars: [out] };
        const first = await filtered(one, [filter]);
        const { [out]: _, ...rest } = one.update;
        expect(await paramsOf(first)).toEqual(rest);
        expect(first.files.model?.sha256).toBe(await sha256File(await writeModel(folder, 'rest', rest)));
        expect((await filtered(one, [filter])).files).toEqual(first.files);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    [['none'], 'none'],
    ['*', 'excluded by'],
  ])('is refused by a job with %j', async (exclude_vars, text) => {
    const update = { a: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } } as const;
    const one = { base: update, update, paramsType: 'FULL' } as const;
    await expect(filtered(one, [{ name: 'exclude_vars', exclude_vars }])).rejects.toMatchObject({
      code: 'NF_FILTER_FAILED',
      message: expect.stringContaining(text),
      place: { site: 'site-1', round: 2 },
    });
    expect(await readModel(join(folder, 'update.safetensors'))).toEqual(update);
  });

  it('means by a pattern the names that a regular expression would', () => {
    const part = fc.constantFrom('a', 'b', '*', '.', 'ab', '**');
    const pattern = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    const name = fc.oneof(
      arrayName,
      fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(pattern, name, (exclude_vars, one) => {
        const escaped = exclude_vars.replaceAll('.', '\\.').replaceAll('*', '[^]*');
        const said = exclusionOf({ name: 'exclude_vars', exclude_vars })(one);
        expect(said).toBe(new RegExp(`^${escaped}$`).test(one));
      }),
      { numRuns: 500 },
    );
  });
});
