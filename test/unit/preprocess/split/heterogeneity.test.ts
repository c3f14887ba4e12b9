import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distancesOf, splitHeterogeneity } from '../../../../src/preprocess/split/heterogeneity.ts';
import type { SplitRule } from '../../../../src/preprocess/split/manifest.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { evenRows, madeTable } from './made-table.ts';

/** A split of such sites, whose images are all in training, each a group. */
function splitOf(sites: readonly Readonly<Record<string, number>>[]) {
  const count = sites.flatMap((classes) => Object.values(classes)).reduce((sum, own) => sum + own, 0);
  return {
    sites: sites.map((train, at) => ({
      name: `site-${at + 1}`,
      train: [],
      validation: [],
      test: [],
      classes: { train, validation: {}, test: {} },
    })),
    groups: { count, largest: 1 },
  };
}

describe('distances of two mixes', () => {
  it('are those of the reference', () => {
    // The example of scipy.spatial.distance.jensenshannon, there to base e.
    const half = distancesOf([1, 0], [0.5, 0.5]);
    expect(half.jensen_shannon).toBeCloseTo(0.464_501_404_022_458_93 / Math.sqrt(Math.LN2), 12);
    const found = distancesOf([0.5, 0.5, 0], [0.1, 0.4, 0.5]);
    expect(found.hellinger).toBeCloseTo(Math.sqrt(1 - Math.sqrt(0.05) - Math.sqrt(0.2)), 12);
    expect(found.emd).toBeCloseTo(0.5, 12);
  });

  it('are 0 of the same mix, 1 of mixes with nothing in common, symmetric and never beyond', () => {
    expect(distancesOf([0.3, 0.7], [0.3, 0.7])).toEqual({ jensen_shannon: 0, hellinger: 0, emd: 0 });
    expect(distancesOf([1, 0], [0, 1])).toEqual({ jensen_shannon: 1, hellinger: 1, emd: 1 });
    const mix = fc
      .array(fc.nat(50), { minLength: 4, maxLength: 4 })
      .filter((counts) => counts.some((count) => count > 0))
      .map((counts) => {
        const all = counts.reduce((sum, count) => sum + count, 0);
        return counts.map((count) => count / all);
      });
    fc.assert(
      fc.property(mix, mix, (one, other) => {
        const [there, back] = [distancesOf(one, other), distancesOf(other, one)];
        for (const kind of ['jensen_shannon', 'hellinger', 'emd'] as const) {
          expect(there[kind]).toBeCloseTo(back[kind], 9);
          expect(there[kind]).toBeGreaterThanOrEqual(0);
          expect(there[kind]).toBeLessThanOrEqual(1);
        }
        // Known bounds: H² <= EMD <= √2 H.
        expect(there.hellinger ** 2).toBeLessThanOrEqual(there.emd + 1e-9);
        expect(there.emd).toBeLessThanOrEqual(Math.SQRT2 * there.hellinger + 1e-9);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the heterogeneity of a split', () => {
  it('counts sizes and classes as numbers of equal ones', () => {
    const { sites, sizes } = splitHeterogeneity(
      splitOf([
        { a: 30, b: 30 },
        { a: 20, b: 0 },
        { a: 10, b: 10 },
      ]),
    );
    expect(sizes).toEqual({ smallest: 20, largest: 60, effective_sites: 100 ** 2 / (60 ** 2 + 2 * 20 ** 2) });
    expect(sites.map(({ images, effective_classes: classes }) => [images, classes])).toEqual([
      [60, 2],
      [20, 1],
      [20, 2],
    ]);
  });

  it('names the pair that differs most, and compares each site with all others', () => {
    const found = splitHeterogeneity(splitOf([{ a: 10, b: 10 }, { a: 20 }, { b: 20 }]));
    const [classes] = found.unlikeness;
    expect(classes).toMatchObject({
      of: 'class',
      pair: ['site-2', 'site-3'],
      largest: { jensen_shannon: 1, emd: 1 },
    });
    expect(classes?.mean.emd).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12);
    expect(found.sites[0]?.from_others?.emd).toBe(0);
    expect(found.sites[1]?.from_others?.emd).toBeCloseTo(2 / 3 + 1 / 3 - 1 / 4, 12);
  });

  it('holds what sites tell of the class against all there is to tell and against chance', () => {
    const [apart] = splitHeterogeneity(splitOf([{ a: 50 }, { b: 50 }])).unlikeness;
    expect(apart).toMatchObject({ information: 1, entropy: 1 });
    // One degree of freedom.
    expect(apart?.by_chance).toBeCloseTo(1 / (2 * 100 * Math.LN2), 12);
    const [alike] = splitHeterogeneity(
      splitOf([
        { a: 30, b: 10 },
        { a: 60, b: 20 },
      ]),
    ).unlikeness;
    expect(alike?.information).toBeCloseTo(0, 12);
  });

  it('says nothing of one site, nor fails at one without images', () => {
    expect(splitHeterogeneity(splitOf([{ a: 3 }]))).toMatchObject({
      unlikeness: [],
      sites: [{ from_others: null }],
    });
    expect(splitHeterogeneity(splitOf([{ a: 3 }, { a: 0 }])).unlikeness).toEqual([]);
  });

  it('is near chance for alike sites on average, and grows as alpha falls', () => {
    const rule: SplitRule = { strategy: 'dirichlet', validation: 0.15, test: 0.15 };
    const rows = madeTable(evenRows(60, ['a', 'b', 'c']));
    const mean = (alpha: number) => {
      const seeds = Array.from({ length: 10 }, (_, seed) => seed);
      const found = seeds.map((seed) => {
        const { split } = planSplit(rows, { rule: { ...rule, alpha }, seed, sites: 4 }, 'bids');
        return splitHeterogeneity(split).unlikeness[0]?.mean.jensen_shannon ?? 0;
      });
      return found.reduce((sum, one) => sum + one, 0) / found.length;
    };
    const [even, some, little] = [mean(1000), mean(1), mean(0.1)];
    expect(even).toBeLessThan(0.05);
    expect(some).toBeGreaterThan(2 * even);
    expect(little).toBeGreaterThan(1.3 * some);
  });

  it('has the column that was dealt unevenly beside the classes', () => {
    const rows = evenRows(40, ['a', 'b']).map((row, at) => ({
      ...row,
      site: at % 2 === 0 ? 'north' : 'south',
    }));
    const rule: SplitRule = {
      strategy: 'shards',
      shards_per_site: 1,
      skew_column: 'site',
      validation: 0.15,
      test: 0.15,
    };
    const { split } = planSplit(madeTable(rows), { rule, seed: 0, sites: 2 }, 'bids');
    expect(split.sites.map(({ values }) => Object.values(values?.images ?? {}))).toEqual([[40], [40]]);
    const found = splitHeterogeneity(split).unlikeness;
    expect(found.map(({ of, mean }) => [of, mean.jensen_shannon])).toEqual([
      ['class', 0],
      ['site', 1],
    ]);
  });
});
