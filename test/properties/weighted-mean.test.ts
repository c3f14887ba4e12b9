import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256File } from '../../src/runtime/base/digest.ts';
import { DTYPES, type ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { readModel, writeModel } from '../support/model-files.ts';
import { sameFormSets } from '../support/param-sets.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { weightedMean } from '../support/weighted-mean.ts';

const folder = tempFolder();

const weight = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0.01, max: 10, noNaN: true }));
const cohort = fc
  .integer({ min: 1, max: 4 })
  .chain((sites) =>
    fc.tuple(sameFormSets(sites + 1), fc.array(weight, { minLength: sites, maxLength: sites })),
  )
  .map(([[base, ...updates], weights]) => ({ base: base ?? {}, updates, weights }));

type Cohort = typeof cohort extends fc.Arbitrary<infer Value> ? Value : never;

/** The mean as the formula has it, in float64, element by element; undefined where an array's type has no room for it. */
function reference({ base, updates, weights }: Cohort, paramsType: 'FULL' | 'DIFF'): ParamSet | undefined {
  let fits = true;
  const total = weights.reduce((sum, one) => sum + one, 0);
  const means = Object.fromEntries(
    Object.entries(base).map(([name, { dtype, shape, data }]) => {
      const values = Array.from({ length: data.length }, (_, index) => {
        const sum = updates.reduce(
          (so, update, site) => so + (weights[site] ?? 0) * (update[name]?.data[index] ?? 0),
          0,
        );
        const mean = paramsType === 'DIFF' ? sum / total + (data[index] ?? 0) : sum / total;
        return dtype.startsWith('float') ? mean : Math.round(mean);
      });
      const rounded = DTYPES[dtype].from(values);
      const isRoomy = (value: number, index: number) =>
        dtype.startsWith('float') ? Number.isFinite(rounded[index]) : rounded[index] === value;
      fits &&= values.every((value, index) => isRoomy(value === 0 ? 0 : value, index));
      return [name, { dtype, shape, data: rounded }];
    }),
  );
  return fits ? means : undefined;
}

async function mean({ base, updates, weights }: Cohort, paramsType: 'FULL' | 'DIFF'): Promise<string> {
  const target = join(folder, 'mean.safetensors');
  const digest = await weightedMean({
    base: await writeModel(folder, 'base', base),
    target,
    contributions: await Promise.all(
      updates.map(async (update, site) => ({
        site: `site-${site + 1}`,
        path: await writeModel(folder, `site-${site + 1}`, update),
        weight: weights[site] ?? 0,
        paramsType,
      })),
    ),
  });
  expect(digest).toBe(await sha256File(target));
  return target;
}

function pick(set: ParamSet, name: string): ParamSet {
  const array = set[name];
  return array ? { [name]: array } : {};
}

/** Some units in the last place of float32, whose least number is 1.4e-45. */
function roundingOf(values: readonly number[]): number {
  return 1e-6 * Math.max(...values.map(Math.abs)) + 1e-44;
}

describe('the weighted mean of any models', () => {
  it.each(['FULL', 'DIFF'] as const)('is the formula in float64, bit for bit (%s)', async (paramsType) => {
    await fc.assert(
      fc.asyncProperty(cohort, async (given) => {
        const expected = reference(given, paramsType);
        if (expected) expect(await readModel(await mean(given, paramsType))).toEqual(expected);
        else await expect(mean(given, paramsType)).rejects.toMatchObject({ code: 'NF_AGGREGATE_NOT_FINITE' });
      }),
      { numRuns: 25 },
    );
  });

  it('takes each array from the sites that send it, and leaves one that none sends as it was', async () => {
    const parts = cohort.chain((given) =>
      fc.tuple(
        fc.constant(given),
        fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { minLength: 4, maxLength: 4 }),
        fc.constantFrom('FULL', 'DIFF'),
      ),
    );
    await fc.assert(
      fc.asyncProperty(parts, async ([given, keeps, paramsType]) => {
        const names = Object.keys(given.base);
        const updates = given.updates.map((update, site) =>
          Object.fromEntries(Object.entries(update).filter((_, index) => !keeps[site]?.[index])),
        );
        const expected = names.map((name) => {
          const at = updates.flatMap((update, site) => (Object.hasOwn(update, name) ? [site] : []));
          const alone = {
            base: pick(given.base, name),
            updates: at.map((site) => pick(updates[site] ?? {}, name)),
            weights: at.map((site) => given.weights[site] ?? 0),
          };
          return at.length === 0 ? alone.base : reference(alone, paramsType);
        });
        fc.pre(expected.every((one) => one !== undefined));
        expect(await readModel(await mean({ ...given, updates }, paramsType))).toEqual(
          Object.assign({}, ...expected),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('of equal integer models is that model', async () => {
    const form = sameFormSets(1).map(([set]) => set ?? {});
    await fc.assert(
      fc.asyncProperty(form, fc.array(weight, { minLength: 1, maxLength: 3 }), async (set, weights) => {
        const integers = Object.fromEntries(
          Object.entries(set).filter(([, { dtype }]) => dtype.includes('int')),
        );
        const updates = weights.map(() => integers);
        expect(await readModel(await mean({ base: integers, updates, weights }, 'FULL'))).toEqual(integers);
      }),
      { numRuns: 10 },
    );
  });

  it('of other weights in the same proportion, and of sites in another order, is the same but for rounding', async () => {
    await fc.assert(
      fc.asyncProperty(cohort, fc.integer({ min: 2, max: 9 }), async (given, times) => {
        const first = await readModel(await mean(given, 'FULL'));
        const weights = given.weights.map((one) => one * times).reverse();
        const updates = given.updates.toReversed();
        const other = await readModel(await mean({ ...given, updates, weights }, 'FULL'));
        for (const [name, { data, dtype }] of Object.entries(first)) {
          for (const [index, value] of [...data].entries()) {
            const own = updates.map((update) => update[name]?.data[index] ?? 0);
            // An integer that is nearly half way may be rounded to either side.
            const slack = dtype.startsWith('float') ? roundingOf(own) : 1;
            expect(Math.abs((other[name]?.data[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(slack);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it('lies between the least and the greatest of the sites', async () => {
    await fc.assert(
      fc.asyncProperty(cohort, async (given) => {
        for (const [name, { data }] of Object.entries(await readModel(await mean(given, 'FULL')))) {
          for (const [index, value] of [...data].entries()) {
            const own = given.updates.map((update) => update[name]?.data[index] ?? 0);
            const slack = roundingOf(own);
            expect(value).toBeGreaterThanOrEqual(Math.min(...own) - slack);
            expect(value).toBeLessThanOrEqual(Math.max(...own) + slack);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it('has the same bytes each time', async () => {
    await fc.assert(
      fc.asyncProperty(cohort, async (given) => {
        const first = await readFile(await mean(given, 'FULL'));
        expect(await readFile(await mean(given, 'FULL'))).toEqual(first);
      }),
      { numRuns: 8 },
    );
  });
});
