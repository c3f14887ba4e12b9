import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AGGREGATION, aggregationOf } from '../../src/runtime/algorithms/aggregation.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { aggregated, type Cohort, cohort, differencesOf, fits, numbersOf } from '../support/cohort.ts';
import { float32 } from '../support/param-sets.ts';

type Choice = z.input<z.ZodObject<typeof AGGREGATION>>;
const chosen = (given: Choice) => aggregationOf(z.object(AGGREGATION).parse(given));

/** Vectors of all numbers, slow and whole. */
type Vector = readonly number[];
const minus = (a: Vector, b: Vector) => a.map((value, at) => value - (b[at] ?? 0));
const norm = (a: Vector) => Math.hypot(...a);
const far = (a: Vector, b: Vector) => norm(minus(a, b));
const mean = (all: readonly Vector[]): number[] =>
  (all[0] ?? []).map((_, at) => all.reduce((sum, one) => sum + (one[at] ?? 0), 0) / all.length);
const middle = (values: Vector) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Scores whose difference is less than this share of the largest square are equal but for rounding: each of these sites may be chosen. */
const TIED = 1e-9;

/** All that Krum may come to. */
function slowKrum(all: readonly Vector[], byzantine: number, kept: number): number[][] {
  const scores = all.map((one, at) => {
    const others = all.filter((_, other) => other !== at).map((other) => far(one, other) ** 2);
    return others
      .sort((a, b) => a - b)
      .slice(0, all.length - byzantine - 2)
      .reduce((sum, square) => sum + square, 0);
  });
  const last = [...scores].sort((a, b) => a - b)[kept - 1] ?? 0;
  const slack = TIED * Math.max(...all.map((one) => norm(one) ** 2));
  const places = [...scores.keys()];
  const sure = places.filter((at) => (scores[at] ?? 0) < last - slack);
  const tied = places.filter((at) => Math.abs((scores[at] ?? 0) - last) <= slack);
  return someOf(tied, kept - sure.length).map((some) => mean([...sure, ...some].map((at) => all[at] ?? [])));
}

/** All choices of so many. */
function someOf(places: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return places.flatMap((place, at) =>
    someOf(places.slice(at + 1), count - 1).map((rest) => [place, ...rest]),
  );
}

function slowClipping(all: readonly Vector[], most: number | undefined, steps: number): number[] {
  let centre = (all[0] ?? []).map(() => 0);
  for (let step = 0; step < steps; step++) {
    const moved = all.map((one) => minus(one, centre));
    const bound = most ?? middle(moved.map(norm));
    const clipped = moved.map((one) => one.map((value) => value * Math.min(1, bound / (norm(one) || 1))));
    const by = mean(clipped);
    centre = centre.map((value, at) => value + (by[at] ?? 0));
  }
  return centre;
}

/** By each rule all that it may come to. */
const SLOW: readonly (readonly [
  name: string,
  choice: Choice,
  slow: (all: readonly Vector[]) => number[][],
])[] = [
  ['krum', { aggregator: 'krum' }, (all) => slowKrum(all, 1, 1)],
  ['multi_krum', { aggregator: 'multi_krum' }, (all) => slowKrum(all, 1, all.length - 3)],
  [
    'krum of two',
    { aggregator: 'krum', byzantine_clients: 2 },
    (all) => (all.length < 7 ? [] : slowKrum(all, 2, 1)),
  ],
  ['norm_bound', { aggregator: 'norm_bound', clip_norm: 1000 }, (all) => [slowClipping(all, 1000, 1)]],
  ['norm_bound by median', { aggregator: 'norm_bound' }, (all) => [slowClipping(all, undefined, 1)]],
  [
    'centered_clipping',
    { aggregator: 'centered_clipping', clip_norm: 1000 },
    (all) => [slowClipping(all, 1000, 5)],
  ],
  [
    'centered_clipping by median',
    { aggregator: 'centered_clipping' },
    (all) => [slowClipping(all, undefined, 5)],
  ],
];

/** How far a model has moved. */
function moved({ sets: [base = {}] }: Pick<Cohort, 'sets'>, made: ParamSet): number[] {
  return Object.keys(base).flatMap((name) => minus(numbersOf(made, name), numbersOf(base, name)));
}

/** What float32 rounds of a model. */
const slackOf = ({ sets }: Pick<Cohort, 'sets'>) =>
  1e-6 *
  Math.max(
    1e-30,
    ...sets.flatMap((set) => Object.values(set).flatMap(({ data }) => [...data].map(Math.abs))),
  );

const many = cohort.filter((one) => fits(one) && one.sets.length >= 6);

describe('a robust aggregator', () => {
  it.each(SLOW)('%s is the slow one on whole arrays', async (_, choice, slow) => {
    await fc.assert(
      fc.asyncProperty(many, async (given) => {
        const possible = slow(differencesOf(given));
        fc.pre(possible.length > 0);
        const found = moved(given, await aggregated({ ...given, aggregation: chosen(choice) }));
        const slack = 4 * slackOf(given);
        const isThat = (expected: Vector) => Math.max(...minus(found, expected).map(Math.abs)) <= slack;
        expect(possible.some(isThat), `${found} is none of ${JSON.stringify(possible)}`).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('geometric_median has the least sum of distances to the answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        many,
        fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
        async (given, noise) => {
          const aggregation = chosen({ aggregator: 'geometric_median' });
          const found = moved(given, await aggregated({ ...given, aggregation }));
          const all = differencesOf(given);
          const sumFrom = (point: Vector) => all.reduce((sum, one) => sum + far(one, point), 0);
          const least = sumFrom(found);
          const slack = all.length * slackOf(given) * Math.sqrt(found.length) + 1e-4 * least;
          for (const one of [...all, mean(all)]) expect(least).toBeLessThanOrEqual(sumFrom(one) + slack);
          const reach = Math.max(...all.map(norm));
          for (const size of [0.1, 0.01, 0.001]) {
            const beside = found.map((value) => value + size * reach * Number(noise.next().value));
            expect(least).toBeLessThanOrEqual(sumFrom(beside) + slack);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('geometric_median of points on a line is the one in the middle', async () => {
    const sets = [0, 1, 2, 4, 9, 1e9].map((value) => ({ w: float32([value]) }));
    const aggregation = chosen({ aggregator: 'geometric_median' });
    const made = await aggregated({ sets, types: [], weights: [], aggregation });
    expect(made.w?.data[0]).toBeCloseTo(4, 4);
  });

  const ALL = ['krum', 'multi_krum', 'geometric_median', 'centered_clipping', 'norm_bound'] as const;

  it.each(ALL)('%s stays where sites that are alike have gone, however far one is', async (aggregator) => {
    const double = (data: readonly number[]) => ({
      w: { dtype: 'float64' as const, shape: [2], data: Float64Array.from(data) },
    });
    const alike = [
      [1, 1.1],
      [1.2, 1],
      [1, 1],
      [1.1, 1.1],
      [1, 1.2],
    ];
    for (const wild of [
      [900, -900],
      [-1e12, 1e12],
      // Squares have no number.
      [1e200, 1e200],
      [-1.5e308, 1.5e308],
    ])
      for (const place of [0, 3, 5]) {
        const sets = [[0, 0], ...alike.slice(0, place), wild, ...alike.slice(place)].map(double);
        const made = await aggregated({
          sets,
          types: ['DIFF'],
          weights: [],
          aggregation: chosen({ aggregator }),
        });
        const [x = 0, y = 0] = made.w?.data ?? [];
        // A bound of the norm shrinks what it shortens, and does not leave it out.
        expect(far([x, y], [1.05, 1.05])).toBeLessThan(aggregator === 'norm_bound' ? 0.7 : 0.4);
      }
  });

  it.each(ALL)('%s leaves a model as it was that no site moves', async (aggregator) => {
    const same = { w: float32([1, -2, 3]) };
    const sets = Array.from({ length: 7 }, () => same);
    const made = await aggregated({ sets, types: [], weights: [], aggregation: chosen({ aggregator }) });
    expect(made).toEqual(same);
  });

  it.each([
    ['krum', 1, 4, 5],
    ['multi_krum', 2, 6, 7],
    ['geometric_median', 1, 2, 3],
    ['centered_clipping', 1, 2, 3],
    ['norm_bound', 1, 2, 3],
  ] as const)(
    '%s for %i refuses %i answers: it needs %i',
    async (aggregator, byzantine_clients, sites, least) => {
      const sets = Array.from({ length: sites + 1 }, () => ({ w: float32([1]) }));
      const aggregation = chosen({ aggregator, byzantine_clients });
      await expect(aggregated({ sets, types: [], weights: [], aggregation })).rejects.toMatchObject({
        code: 'NF_AGGREGATE_TOO_FEW',
        message: expect.stringContaining(`needs ${least} of them`),
      });
    },
  );

  it.each(['krum', 'multi_krum'] as const)(
    '%s names the furthest site where more are beyond all numbers than it allows for',
    async (aggregator) => {
      const values = [0, 1, 1e200, -1e308, 1e250, 2];
      const sets = values.map((value) => ({
        w: { dtype: 'float64' as const, shape: [1], data: Float64Array.of(value) },
      }));
      const refused = aggregated({ sets, types: [], weights: [], aggregation: chosen({ aggregator }) });
      await expect(refused).rejects.toMatchObject({ code: 'NF_AGGREGATE_WEIGHT', place: { site: 'site-2' } });
    },
  );

  it('takes an array that a site keeps to itself as not moved by it, and leaves one that none of the chosen sends', async () => {
    const whole = (value: number, own: number) => ({ w: float32([value]), own: float32([own]) });
    const part = (value: number) => ({ w: float32([value]) });
    const types: Cohort['types'] = Array.from({ length: 5 }, () => 'FULL' as const);
    const sets = [whole(0, 7), part(1), part(1.1), part(1.2), part(1.3), whole(500, 900)];
    const krum = await aggregated({ sets, types, weights: [], aggregation: chosen({ aggregator: 'krum' }) });
    expect(Array.from(krum.own?.data ?? [])).toEqual([7]);
    const bounded = await aggregated({
      sets: [whole(0, 7), part(0), part(0), whole(0, 9)],
      types,
      weights: [],
      aggregation: chosen({ aggregator: 'norm_bound', clip_norm: 50 }),
    });
    expect(bounded.own?.data[0]).toBeCloseTo(7 + 2 / 3, 5);
  });
});
