import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reducerOf } from '../../src/runtime/algorithms/registry.ts';
import { DTYPES, type NdArray, type ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { filesMade, reduce } from '../../src/runtime/federation/reduce/reduce.ts';
import { readModel, writeModel } from '../support/model-files.ts';
import { sameFormSets } from '../support/param-sets.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;

const cohort = fc.record({
  /** The model, what a slow site began with, and three updates. */
  sets: sameFormSets(5),
  weights: fc.tuple(...Array.from({ length: 3 }, () => fc.integer({ min: 1, max: 500 }))),
  paramsType: fc.constantFrom('FULL' as const, 'DIFF' as const),
});
type Cohort = typeof cohort extends fc.Arbitrary<infer Value> ? Value : never;
type Numbers = readonly number[];

const OPTIONS = { learningRate: 0.3, momentum: 0.9, beta2: 0.99, tau: 0.001 };

type Step = (base: number, mean: number, state: number[]) => number;
/** The server's steps on whole arrays, in the order of their formulas. */
const STEPS: Readonly<Record<'sgd' | 'adam', Step>> = {
  sgd: (base, mean, state) => {
    state[0] = OPTIONS.momentum * (state[0] ?? 0) + (mean - base);
    return base + OPTIONS.learningRate * state[0];
  },
  adam: (base, mean, state) => {
    const difference = mean - base;
    state[0] = OPTIONS.momentum * (state[0] ?? 0) + (1 - OPTIONS.momentum) * difference;
    state[1] = OPTIONS.beta2 * (state[1] ?? 0) + (1 - OPTIONS.beta2) * difference * difference;
    return base + (OPTIONS.learningRate * state[0]) / (Math.sqrt(state[1]) + OPTIONS.tau);
  },
};

const numbersOf = (set: ParamSet | undefined, name: string): Numbers => Array.from(set?.[name]?.data ?? []);

/** Two rounds with the same updates; the second begins with the state of the first. */
function slowly({ sets, weights, paramsType }: Cohort, name: string, step: Step): Numbers {
  const [model = {}, , ...updates] = sets;
  const { dtype } = model[name] as NdArray;
  const total = weights.reduce((sum, one) => sum + one, 0);
  let now = numbersOf(model, name);
  const states = now.map((): number[] => []);
  for (let round = 0; round < 2; round++) {
    const next = now.map((base, index) => {
      const sum = updates.reduce(
        (so, update, at) => so + (weights[at] ?? 0) * (numbersOf(update, name)[index] ?? 0),
        0,
      );
      const mean = paramsType === 'DIFF' ? sum / total + base : sum / total;
      return dtype.startsWith('float') ? step(base, mean, states[index] ?? []) : Math.round(mean);
    });
    now = Array.from(DTYPES[dtype].from(next));
  }
  return now;
}

async function twoRounds({ sets, weights, paramsType }: Cohort, reducer: string): Promise<ParamSet> {
  const place = join(folder, String(count++));
  mkdirSync(place);
  const [model = {}, , ...updates] = sets;
  const contributions = await Promise.all(
    updates.map(async (update, at) => ({
      site: `site-${at + 1}`,
      path: await writeModel(place, `site-${at + 1}`, update),
      weight: weights[at] ?? 0,
      paramsType,
    })),
  );
  let base = { model: await writeModel(place, 'base', model) };
  for (let round = 1; round <= 2; round++) {
    const paths = filesMade(reducerOf(reducer)).map((name) => [
      name,
      join(place, `${name}-${round}.safetensors`),
    ]);
    const targets = { model: '', ...Object.fromEntries(paths) };
    await reduce(reducerOf(reducer), { base, contributions, targets, options: OPTIONS });
    base = targets;
  }
  return readModel(base.model);
}

/** Integers beyond their type are refused, which other tests look at. */
const fits = ({ sets }: Cohort) =>
  Object.values(sets[0] ?? {}).every(({ dtype }) => dtype.startsWith('float'));

describe('the server’s step on any models', () => {
  it.each(['sgd', 'adam'] as const)('of %s is the slow one on whole arrays, bit for bit', async (reducer) => {
    await fc.assert(
      fc.asyncProperty(cohort.filter(fits), async (given) => {
        const made = await twoRounds(given, reducer);
        for (const [name, { data }] of Object.entries(made))
          expect(Array.from(data)).toEqual(slowly(given, name, STEPS[reducer]));
      }),
      { numRuns: 25 },
    );
  });

  it('of answers that began with other models is the slow one, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(cohort.filter(fits), async ({ sets, weights, paramsType }) => {
        const place = join(folder, String(count++));
        mkdirSync(place);
        const [model = {}, earlier = {}, ...updates] = sets;
        const old = await writeModel(place, 'earlier', earlier);
        const contributions = await Promise.all(
          updates.map(async (update, at) => ({
            site: `site-${at + 1}`,
            path: await writeModel(place, `site-${at + 1}`, update),
            weight: 1 / (weights[at] ?? 1),
            paramsType,
            // The first was slow.
            ...(at === 0 && { base: old }),
          })),
        );
        const base = { model: await writeModel(place, 'base', model) };
        const targets = { model: join(place, 'model.safetensors') };
        await reduce(reducerOf('buffered'), { base, contributions, targets, options: { learningRate: 0.3 } });
        const made = await readModel(targets.model);
        for (const [name, { data }] of Object.entries(made)) {
          const { dtype } = model[name] as NdArray;
          const expected = numbersOf(model, name).map((before, index) => {
            const moved = updates.reduce((sum, update, at) => {
              const began = paramsType === 'FULL' ? numbersOf(at === 0 ? earlier : model, name)[index] : 0;
              return sum + (1 / (weights[at] ?? 1)) * ((numbersOf(update, name)[index] ?? 0) - (began ?? 0));
            }, before);
            return before + 0.3 * (moved - before);
          });
          expect(Array.from(data)).toEqual(Array.from(DTYPES[dtype].from(expected)));
        }
      }),
      { numRuns: 25 },
    );
  });
});
