import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Aggregation } from '../../src/runtime/algorithms/aggregator.ts';
import { reducerOf } from '../../src/runtime/algorithms/registry.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { reduce } from '../../src/runtime/federation/reduce/reduce.ts';
import { readModel, writeModel } from './model-files.ts';
import { sameFormSets } from './param-sets.ts';

/** The model that sites received, and three to seven answers. */
export const cohort = fc.integer({ min: 4, max: 8 }).chain((sets) =>
  fc.record({
    sets: sameFormSets(sets),
    types: fc.array(fc.constantFrom('FULL' as const, 'DIFF' as const), { minLength: 7, maxLength: 7 }),
    weights: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 7, maxLength: 7 }),
    rate: fc.constantFrom(1, 0.3),
  }),
);
export type Cohort = typeof cohort extends fc.Arbitrary<infer Value> ? Value : never;

interface Given extends Pick<Cohort, 'sets' | 'types' | 'weights'> {
  readonly aggregation: Aggregation | undefined;
  readonly reducer?: string;
  readonly options?: object;
}

/** What becomes of the answers, by files. */
export async function aggregated(given: Given): Promise<ParamSet> {
  const place = await mkdtemp(join(tmpdir(), 'neuroflare-cohort-'));
  try {
    return await aggregatedIn(place, given);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function aggregatedIn(
  place: string,
  { sets, types, weights, aggregation, reducer = 'weighted_mean', options }: Given,
): Promise<ParamSet> {
  const [model = {}, ...updates] = sets;
  const contributions = await Promise.all(
    updates.map(async (update, at) => ({
      site: `site-${at + 1}`,
      path: await writeModel(place, `site-${at + 1}`, update),
      weight: weights[at] ?? 1,
      paramsType: types[at] ?? 'FULL',
    })),
  );
  const base = { model: await writeModel(place, 'base', model) };
  const state = (reducerOf(reducer).state ?? []).map((name) => [name, join(place, `${name}.made`)]);
  const targets = { model: join(place, 'model.made'), ...Object.fromEntries(state) };
  await reduce(reducerOf(reducer), {
    base,
    contributions,
    targets,
    ...(aggregation && { aggregation }),
    ...(options && { options }),
  });
  return await readModel(targets.model);
}

export const numbersOf = (set: ParamSet | undefined, name: string): number[] =>
  Array.from(set?.[name]?.data ?? []);

/** What each site's model holds, of one number after the other. */
export function valuesOf({ sets: [model, ...updates], types }: Pick<Cohort, 'sets' | 'types'>, name: string) {
  const all = updates.map((update) => numbersOf(update, name));
  return numbersOf(model, name).map((base, index) =>
    // No 0 is added to a model: -0 would become 0.
    all.map((sent, at) => (types[at] === 'DIFF' ? (sent[index] ?? 0) + base : (sent[index] ?? 0))),
  );
}

/** Without arrays of integers, which are rounded. */
export const fits = ({ sets }: Cohort) =>
  Object.values(sets[0] ?? {}).every(({ dtype }) => dtype.startsWith('float'));

/** What each site moved, of all numbers one after the other. */
export function differencesOf({ sets, types }: Pick<Cohort, 'sets' | 'types'>): number[][] {
  const [model = {}, ...updates] = sets;
  return updates.map((update, at) =>
    Object.keys(model).flatMap((name) => {
      const before = numbersOf(model, name);
      return numbersOf(update, name).map(
        (value, index) => value - (types[at] === 'DIFF' ? 0 : (before[index] ?? 0)),
      );
    }),
  );
}
