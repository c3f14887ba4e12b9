import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { reducerOf } from '../../../src/runtime/algorithms/registry.ts';
import type { NdArray, ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { filesMade, reduce } from '../../../src/runtime/federation/reduce/reduce.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { sameFormSets } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { weightedMean } from '../../support/weighted-mean.ts';

const folder = tempFolder();
let count = 0;

const numbers = z.array(z.number());
/** See test/parity/fedopt.py, which wrote it. */
const PARITY = z
  .object({
    base: numbers,
    deltas: z.array(z.array(numbers)),
    weights: numbers,
    options: z.record(z.string(), z.number()),
    models: z.record(z.enum(['sgd', 'adam', 'adagrad', 'yogi']), z.array(numbers)),
  })
  .parse(JSON.parse(readFileSync(new URL('../../parity/fedopt.json', import.meta.url), 'utf8')));

interface Round {
  readonly reducer: string;
  readonly base: Readonly<Record<string, string>> & { readonly model: string };
  readonly updates: readonly ParamSet[];
  readonly weights: readonly number[];
  readonly options: object;
  readonly paramsType?: 'FULL' | 'DIFF';
}

/** One reduction, in a folder of its own; where its files lie. */
async function step({ reducer, base, updates, weights, options, paramsType = 'DIFF' }: Round) {
  const place = join(folder, String(count++));
  mkdirSync(place);
  const names = filesMade(reducerOf(reducer));
  const targets = Object.fromEntries(names.map((name) => [name, join(place, `${name}.safetensors`)]));
  const contributions = await Promise.all(
    updates.map(async (update, site) => ({
      site: `site-${site + 1}`,
      path: await writeModel(place, `site-${site + 1}`, update),
      weight: weights[site] ?? 0,
      paramsType,
    })),
  );
  const made = { model: '', ...targets };
  await reduce(reducerOf(reducer), { base, contributions, targets: made, options });
  return made;
}

const float64 = (data: readonly number[]): NdArray => {
  return { dtype: 'float64', shape: [data.length], data: Float64Array.from(data) };
};

describe('a server optimizer', () => {
  it.each(['sgd', 'adam', 'adagrad', 'yogi'] as const)(
    '%s steps as its reference does, round after round',
    async (reducer) => {
      let base: Round['base'] = {
        model: await writeModel(folder, `${reducer}-0`, { w: float64(PARITY.base) }),
      };
      for (const [round, deltas] of PARITY.deltas.entries()) {
        const updates = deltas.map((delta) => ({ w: float64(delta) }));
        const { weights, options } = PARITY;
        base = await step({ reducer, base, updates, weights, options });
        const { w } = await readModel(base.model);
        const expected = PARITY.models[reducer][round] ?? [];
        for (const [index, value] of expected.entries()) expect(w?.data[index]).toBeCloseTo(value, 12);
      }
    },
  );

  it('takes whole models as it takes differences', async () => {
    const model = await writeModel(folder, 'whole', { w: float64([1, 2]) });
    const options = { learningRate: 0.5, momentum: 0.9, beta2: 0.99, tau: 0.001 };
    const given = { reducer: 'adam', base: { model }, weights: [1, 1], options } as const;
    const differences = await step({ ...given, updates: [{ w: float64([1, 0]) }, { w: float64([0, 2]) }] });
    const updates = [{ w: float64([2, 2]) }, { w: float64([1, 4]) }];
    const whole = await step({ ...given, updates, paramsType: 'FULL' });
    expect(await readModel(whole.model)).toEqual(await readModel(differences.model));
  });

  it('refuses options that are not its own before it reads or writes anything', async () => {
    const model = await writeModel(folder, 'given', { w: float64([1]) });
    const options = { learningRate: 'fast' };
    await expect(
      step({ reducer: 'sgd', base: { model }, updates: [{ w: float64([1]) }], weights: [1], options }),
    ).rejects.toThrow(/learningRate/);
    await expect(readModel(join(folder, String(count - 1), 'model.safetensors'))).rejects.toThrow();
  });

  it('names the site whose update leaves no number, and leaves no file', async () => {
    const model = await writeModel(folder, 'large', { w: float64([1]) });
    const updates = [{ w: float64([1]) }, { w: float64([1e200]) }];
    const options = { learningRate: 1, momentum: 0.9, beta2: 0.99, tau: 0.001 };
    await expect(
      step({ reducer: 'adam', base: { model }, updates, weights: [1, 1], options }),
    ).rejects.toMatchObject({ code: 'NF_AGGREGATE_NOT_FINITE', place: { site: 'site-2' } });
    const place = join(folder, String(count - 1));
    await expect(readModel(join(place, 'model.safetensors'))).rejects.toThrow();
    await expect(readModel(join(place, 'moment.safetensors'))).rejects.toThrow();
  });

  const cohort = sameFormSets(4).map(([base = {}, ...updates]) => ({ base, updates }));
  it('sgd at a rate of 1 without momentum is the mean, whatever the arrays; its state has the floats alone', async () => {
    await fc.assert(
      fc.asyncProperty(cohort, async ({ base, updates }) => {
        const model = await writeModel(folder, 'base', base);
        const options = { learningRate: 1, momentum: 0, beta2: 0.99, tau: 0.001 };
        const weights = [1, 2, 3];
        const made = await step({
          reducer: 'sgd',
          base: { model },
          updates,
          weights,
          options,
          paramsType: 'FULL',
        });
        const target = join(folder, 'mean.safetensors');
        const contributions = await Promise.all(
          updates.map(async (update, site) => ({
            site: `site-${site + 1}`,
            path: await writeModel(folder, `u${site}`, update),
            weight: weights[site] ?? 0,
            paramsType: 'FULL' as const,
          })),
        );
        await weightedMean({ base: model, target, contributions });
        const [own, mean] = [await readModel(made.model), await readModel(target)];
        const velocity = await readModel(Reflect.get(made, 'velocity'));
        const floats = Object.entries(base).filter(([, { dtype }]) => dtype.startsWith('float'));
        expect(Object.keys(velocity).sort()).toEqual(floats.map(([name]) => name).sort());
        for (const [name, { dtype, shape, data }] of Object.entries(mean)) {
          expect(own[name]).toMatchObject({ dtype, shape });
          // The step goes by the difference to the base: a unit in the last place of the larger of both.
          const before = base[name]?.data ?? [];
          for (const [index, value] of Array.from(data).entries()) {
            const scale = Math.max(1, Math.abs(value), Math.abs(before[index] ?? 0));
            expect(Math.abs((own[name]?.data[index] ?? 0) - value) / scale).toBeLessThan(1e-6);
          }
          if (Object.hasOwn(velocity, name)) expect(velocity[name]?.data.length).toBe(data.length);
        }
      }),
      { numRuns: 25 },
    );
  });
});
