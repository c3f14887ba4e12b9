import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AGGREGATION, aggregationOf } from '../../src/runtime/algorithms/aggregation.ts';
import type { Aggregator } from '../../src/runtime/algorithms/aggregator.ts';
import { NO_OPTIONS } from '../../src/runtime/algorithms/reducer.ts';
import { DTYPES } from '../../src/runtime/base/tensors/nd-array.ts';
import { slicedFor } from '../../src/runtime/federation/reduce/all-at-once.ts';
import { aggregated, cohort, differencesOf, fits, numbersOf, valuesOf } from '../support/cohort.ts';
import { float32 } from '../support/param-sets.ts';

const chosen = (given: z.input<z.ZodObject<typeof AGGREGATION>>) =>
  aggregationOf(z.object(AGGREGATION).parse(given));
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

/** The zero below 0 comes before the one above it, whatever the order of sites. */
const inOrder = (values: readonly number[]): number[] => [...Float64Array.from(values).sort()];

function slowMedian(values: readonly number[]): number {
  const sorted = inOrder(values);
  const [lower = 0, upper = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[sorted.length >> 1]];
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}

function slowTrimmedMean(values: readonly number[], ratio: number): number {
  const cut = Math.floor(ratio * values.length);
  const left = inOrder(values).slice(cut, values.length - cut);
  return left.reduce((sum, value) => sum + value, 0) / left.length;
}

const RATIO = 0.34;
const SLOW = {
  median: slowMedian,
  trimmed_mean: (values: readonly number[]) => slowTrimmedMean(values, RATIO),
} as const;

describe('an aggregator of all answers at once', () => {
  it.each(['median', 'trimmed_mean'] as const)(
    '%s is the slow one on whole arrays, bit for bit',
    async (name) => {
      const aggregation = chosen({ aggregator: name, trim_ratio: RATIO });
      await fc.assert(
        fc.asyncProperty(cohort.filter(fits), async (given) => {
          const made = await aggregated({ ...given, aggregation });
          for (const [array, { data, dtype }] of Object.entries(made)) {
            const expected = valuesOf(given, array).map(SLOW[name]);
            expect(Array.from(data)).toEqual(Array.from(DTYPES[dtype].from(expected)));
          }
        }),
        { numRuns: 25 },
      );
    },
  );

  it('is what a server optimizer steps from', async () => {
    const aggregation = chosen({ aggregator: 'median', trim_ratio: RATIO });
    await fc.assert(
      fc.asyncProperty(cohort.filter(fits), async (given) => {
        const options = { learningRate: given.rate, momentum: 0, beta2: 0.99, tau: 0.001 };
        const made = await aggregated({ ...given, aggregation, reducer: 'sgd', options });
        for (const [array, { data, dtype }] of Object.entries(made)) {
          const before = numbersOf(given.sets[0], array);
          const expected = valuesOf(given, array).map((values, index) => {
            const base = before[index] ?? 0;
            return base + given.rate * (slowMedian(values) - base);
          });
          expect(Array.from(data)).toEqual(Array.from(DTYPES[dtype].from(expected)));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('rounds integers to the nearest', async () => {
    const whole = (data: number[]) => ({
      n: { dtype: 'int32' as const, shape: [2], data: Int32Array.from(data) },
    });
    const sets = [whole([0, 0]), whole([1, 5]), whole([2, 6]), whole([9, 7]), whole([40, 7])];
    const aggregation = chosen({ aggregator: 'median', trim_ratio: RATIO });
    const made = await aggregated({ sets, types: [], weights: [], aggregation });
    // Medians 5.5 and 6.5.
    expect(Array.from(made.n?.data ?? [])).toEqual([6, 7]);
  });

  it('holds no more of a model, the more sites there are', () => {
    for (const sites of [1, 3, 100, 10_000, 100_000])
      expect(sites * slicedFor(sites)).toBeLessThanOrEqual(1 << 22);
    expect(slicedFor(1e9)).toBe(1);
  });

  it('gives the same numbers however an array is cut', async () => {
    const sites = 20;
    // Longer than what is held of each of so many, and shorter than a slice.
    const length = slicedFor(sites) + 5;
    const sets = Array.from({ length: sites + 1 }, (_, site) => ({
      w: float32(Array.from({ length }, (_, index) => ((site * 7919 + index * 31) % 1009) - 500)),
    }));
    const aggregation = chosen({ aggregator: 'median', trim_ratio: RATIO });
    const made = await aggregated({ sets, types: [], weights: [], aggregation });
    const wrong = valuesOf({ sets, types: [] }, 'w').findIndex(
      (values, index) => made.w?.data[index] !== Math.fround(slowMedian(values)),
    );
    expect(wrong).toBe(-1);
  });

  it.each([
    ['median', 2, /Of the model only site-1, site-2 .* 3 of them/],
    ['trimmed_mean', 4, /needs 5 of them/],
  ] as const)('%s refuses fewer answers than it needs', async (aggregator, sites, message) => {
    const sets = Array.from({ length: sites + 1 }, () => ({ w: float32([1]) }));
    const aggregation = chosen({ aggregator, trim_ratio: 0.2 });
    await expect(aggregated({ sets, types: [], weights: [], aggregation })).rejects.toMatchObject({
      code: 'NF_AGGREGATE_TOO_FEW',
      message: expect.stringMatching(message),
    });
  });

  it('refuses an array that too few sites send, and leaves one that none sends', async () => {
    const whole = { w: float32([1]), own: float32([7]) };
    const part = { w: float32([2]) };
    const aggregation = chosen({ aggregator: 'median', trim_ratio: 0.2 });
    const made = await aggregated({ sets: [whole, part, part, part], types: [], weights: [], aggregation });
    expect(Array.from(made.own?.data ?? [])).toEqual([7]);
    await expect(
      aggregated({ sets: [whole, part, part, whole], types: [], weights: [], aggregation }),
    ).rejects.toMatchObject({
      code: 'NF_AGGREGATE_TOO_FEW',
      message: expect.stringContaining("Of 'own' only site-3"),
    });
  });
});

describe('an aggregator that weighs answers by a first pass', () => {
  it('is given the products of all differences', async () => {
    await fc.assert(
      fc.asyncProperty(cohort.filter(fits), async (given) => {
        let found: readonly (readonly number[])[] = [];
        const look: Aggregator = {
          name: 'look',
          options: NO_OPTIONS,
          weighByProducts({ products, weights }) {
            found = products.map((row) => [...row]);
            return weights;
          },
        };
        await aggregated({ ...given, aggregation: { aggregator: look, options: {} } });
        const all = differencesOf(given);
        const size = Math.max(...all.map((one) => dot(one, one)), 1e-300);
        for (const [a, row] of found.entries())
          for (const [b, product] of row.entries())
            expect(Math.abs(product - dot(all[a] ?? [], all[b] ?? [])) / size).toBeLessThan(1e-9);
      }),
      { numRuns: 25 },
    );
  });

  it('is given the squares of each difference and of their sum', async () => {
    await fc.assert(
      fc.asyncProperty(cohort.filter(fits), async (given) => {
        const seen: number[][] = [];
        const look: Aggregator = {
          name: 'look',
          options: NO_OPTIONS,
          weighByNorms({ squares, squareOfSum, weights }) {
            seen.push([...squares, squareOfSum]);
            return weights;
          },
        };
        await aggregated({ ...given, aggregation: { aggregator: look, options: {} } });
        const all = differencesOf(given);
        const sum = (all[0] ?? []).map((_, index) =>
          all.reduce((so, one, at) => so + (given.weights[at] ?? 0) * (one[index] ?? 0), 0),
        );
        const expected = [...all.map((one) => dot(one, one)), dot(sum, sum)];
        const bound = given.weights.reduce((so, weight) => so + weight, 0) ** 2;
        const size = Math.max(...expected.slice(0, -1), 1e-300) * bound;
        for (const [at, value] of (seen[0] ?? []).entries())
          expect(Math.abs(value - (expected[at] ?? 0)) / size).toBeLessThan(1e-9);
      }),
      { numRuns: 25 },
    );
  });

  it('names the site whose update is so large that no weight is a number', async () => {
    const huge = (value: number) => ({
      w: { dtype: 'float64' as const, shape: [1], data: Float64Array.of(value) },
    });
    const sets = [huge(0), huge(1), huge(1e200), huge(2)];
    const byNorms: Aggregator = {
      name: 'by_norms',
      options: NO_OPTIONS,
      weighByNorms: ({ squares, squareOfSum }) => squares.map((square) => square / squareOfSum),
    };
    await expect(
      aggregated({ sets, types: [], weights: [], aggregation: { aggregator: byNorms, options: {} } }),
    ).rejects.toMatchObject({ code: 'NF_AGGREGATE_WEIGHT', place: { site: 'site-2' } });
  });
});
