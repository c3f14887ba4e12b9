import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { sum } from '../../../src/runtime/base/sum.ts';
import { poolStatistics } from '../../../src/runtime/run/data-statistics.ts';
import {
  type SiteStatistics,
  withheldFigure,
  withholdStatistics,
} from '../../../src/runtime/run/site-statistics.ts';
import { withholdCounts } from '../../../src/runtime/run/withhold-counts.ts';

const RANGE = { from: 0, to: 100 };

/** Of such ages, told in steps of five years. */
function statisticsOf(ages: readonly number[], classes: readonly number[]): SiteStatistics {
  const off = ages.map((age) => age - 50);
  const bins = new Array<number>(22).fill(0);
  for (const age of ages) {
    const bin = Math.floor(age / 5) + 1;
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return {
    version: 1,
    people: ages.length,
    tables: { class: { values: ['a', 'b'], people: [...classes] } },
    features: {
      age: { ...RANGE, people: ages.length, sum: sum(off), squares: sum(off.map((one) => one * one)), bins },
    },
  };
}

const told = (site: string, statistics: SiteStatistics | null) => ({
  site,
  metrics: { data_statistics: statistics },
});

describe('withheld counts', () => {
  const counts = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 });
  const least = fc.integer({ min: 2, max: 15 });

  it('leave none below the least, and none that follows from the others', () => {
    const property = fc.property(counts, least, (all, bound) => {
      const total = sum(all);
      const shown = withholdCounts(all, { total, least: bound });
      for (const [at, count] of shown.entries()) {
        if (count === null) continue;
        expect(count).toBe(all[at]);
        expect(count >= bound).toBe(true);
      }
      const hidden = total - sum(shown.map((count) => count ?? 0));
      // All are hidden where there are fewer people than that.
      expect(hidden === 0 || hidden >= bound || total < bound).toBe(true);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('are those that must be: all others are told', () => {
    expect(withholdCounts([50, 0, 30, 3], { total: 83, least: 10 })).toEqual([50, null, null, null]);
    expect(withholdCounts([50, 6, 30, 7], { total: 93, least: 10 })).toEqual([50, null, 30, null]);
    expect(withholdCounts([50, 30], { total: 80, least: 10 })).toEqual([50, 30]);
  });

  it('are withheld anew by a site that asks for more', () => {
    expect(withholdCounts([50, null, 30, null], { total: 93, least: 20 })).toEqual([50, null, null, null]);
  });
});

describe('the statistics of a site', () => {
  const ages = Array.from({ length: 60 }, (_, at) => 20 + at / 2);

  it('are nothing where it has fewer people, and lack features that fewer have', () => {
    expect(withholdStatistics(statisticsOf(ages.slice(0, 9), [5, 4]), 10)).toBeNull();
    const few = statisticsOf(ages, [30, 30]);
    const rare = { ...RANGE, people: 4, sum: 1, squares: 9, bins: [0, 4, 0] };
    const { features } = withholdStatistics({ ...few, features: { ...few.features, rare } }, 10) ?? {};
    expect(Object.keys(features ?? {})).toEqual(['age']);
  });

  it('do not tell by what is left over how many have no value', () => {
    // Of 60 people 4 are of neither class.
    const { tables } = withholdStatistics(statisticsOf(ages, [36, 20]), 10) ?? {};
    expect(tables?.class?.people).toEqual([36, null]);
  });

  it('do not tell whether somebody has a value that the job names', () => {
    const tables = [0, 1, 9].map(
      (named) => withholdStatistics(statisticsOf(ages, [named, 30]), 10)?.tables.class?.people,
    );
    expect(tables).toEqual([
      [null, 30],
      [null, 30],
      [null, 30],
    ]);
  });

  it('are no figure where they have another form', () => {
    expect(withheldFigure({ version: 1, people: 60, ages: [44, 51] }, 10)).toBeNull();
    expect(withheldFigure(undefined, 10)).toBeNull();
  });
});

describe('the statistics of all sites', () => {
  const random = createRandom('ages');
  const draw = (count: number, mean: number) =>
    Array.from({ length: count }, () => Math.min(99, Math.max(1, mean + 9 * random.normal())));
  const sites = [draw(400, 40), draw(150, 60), draw(60, 52)];
  const all = sites.flat().sort((a, b) => a - b);
  const found = poolStatistics([
    ...sites.map((ages, at) => told(`site-${at + 1}`, statisticsOf(ages, [ages.length - 20, 20]))),
    told('site-4', null),
    { site: 'site-5', metrics: {} },
  ]);
  const age = found?.features[0];

  it('are those of all people together', () => {
    const mean = sum(all) / all.length;
    const variance = sum(all.map((one) => (one - mean) ** 2)) / (all.length - 1);
    expect(age).toMatchObject({ name: 'age', people: 610, in_histogram: 610 });
    expect(age?.mean).toBeCloseTo(mean, 9);
    expect(age?.sd).toBeCloseTo(Math.sqrt(variance), 9);
    expect(age?.sites['site-2']?.people).toBe(150);
  });

  it('have quantiles to within a step of the histogram', () => {
    for (const [name, share] of [
      ['p5', 0.05],
      ['p25', 0.25],
      ['p50', 0.5],
      ['p75', 0.75],
      ['p95', 0.95],
    ] as const)
      expect(Math.abs((age?.quantiles[name] ?? 0) - (all[Math.floor(share * all.length)] ?? 0))).toBeLessThan(
        5,
      );
  });

  it('name who told nothing, and count the classes', () => {
    expect(found).toMatchObject({ people: 610, withheld: ['site-4'], sites: { 'site-1': 400 } });
    expect(found?.tables[0]?.values).toMatchObject([
      { value: 'a', people: 550 },
      { value: 'b', people: 60, sites: { 'site-1': 20, 'site-2': 20, 'site-3': 20 } },
    ]);
  });

  it('say what was withheld, and which quantile lies outside of the range', () => {
    const one = statisticsOf(
      Array.from({ length: 40 }, () => 30),
      [40, 0],
    );
    const { features } = one;
    const bins = [30, 0, null, 10, 0];
    const pooled = poolStatistics([
      told('site-1', {
        ...one,
        features: { age: { ...(features.age ?? { ...RANGE, people: 0, sum: 0, squares: 0 }), bins } },
      }),
    ]);
    expect(pooled?.features[0]).toMatchObject({
      people: 40,
      in_histogram: 40,
      quantiles: { p50: null, p95: expect.any(Number) },
    });
  });

  it('leave out what a site tells in another form', () => {
    const other = statisticsOf([30, 40], [1, 1]);
    other.tables.class = { values: ['b', 'a'], people: [1, 1] };
    const pooled = poolStatistics([told('site-1', statisticsOf([50], [1, 0])), told('site-2', other)]);
    expect(pooled?.left_out).toEqual(['site-2: class']);
    expect(pooled?.tables[0]?.values[0]?.people).toBe(1);
  });

  it('are in the form that most sites tell them in, whoever comes first', () => {
    const odd = statisticsOf([30, 40], [1, 1]);
    odd.tables.class = { values: ['b', 'a'], people: [1, 1] };
    const pooled = poolStatistics([
      told('site-1', odd),
      told('site-2', statisticsOf([50], [1, 0])),
      told('site-3', statisticsOf([60], [1, 0])),
    ]);
    expect(pooled?.left_out).toEqual(['site-1: class']);
    expect(pooled?.tables[0]?.values[0]).toMatchObject({ value: 'a', people: 2 });
  });

  it.each<[string, (made: SiteStatistics) => object]>([
    [
      'a class of more people than there are',
      (made) => ({ ...made, tables: { class: { values: ['a'], people: [3] } } }),
    ],
    ['a figure of more people than there are', (made) => ({ ...made, people: 1 })],
    [
      'steps of more people than have it',
      (made) => ({ ...made, features: { age: { ...made.features.age, bins: [0, 3, 0] } } }),
    ],
    [
      'squares below those of the mean',
      (made) => ({ ...made, features: { age: { ...made.features.age, sum: 1e15 } } }),
    ],
  ])('are none where a site tells of %s', (_, lie) => {
    const honest = statisticsOf([50, 60], [1, 1]);
    const made = JSON.parse(JSON.stringify(lie(honest)));
    const pooled = poolStatistics([told('site-1', honest), told('site-2', made)]);
    expect(pooled).toMatchObject({ people: 2, withheld: ['site-2'] });
  });

  it('are undefined where nobody was asked', () => {
    expect(poolStatistics([{ site: 'site-1', metrics: { accuracy: 1 } }])).toBeUndefined();
  });
});
