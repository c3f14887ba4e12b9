import { describe, expect, it } from 'vitest';
import {
  PARTITIONS,
  type SplitRule,
  type SplitSite,
  splitManifestSchema,
} from '../../../../src/preprocess/split/manifest.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { evenRows, type MadeRow, madeTable } from './made-table.ts';

const CLASSES = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];
const PARTS = { validation: 0.15, test: 0.15 };
const shards = (each: number): SplitRule => ({ ...PARTS, strategy: 'shards', shards_per_site: each });
const quantity = (alpha: number): SplitRule => ({ ...PARTS, strategy: 'quantity', alpha });
const code = (name: string) => expect.objectContaining({ code: name });

function sitesOf(rows: readonly MadeRow[], rule: SplitRule, draw: { sites?: number; seed?: number } = {}) {
  return splitOf(rows, rule, draw).sites;
}
function splitOf(rows: readonly MadeRow[], rule: SplitRule, { sites = 4, seed = 0 }) {
  const of = rule.strategy === 'column' ? undefined : sites;
  return planSplit(madeTable(rows), { rule, seed, sites: of }, 'bids').split;
}

const idsOf = (site: SplitSite) => PARTITIONS.flatMap((part) => site[part]);
/** Images of each class at a site, in all parts. */
function mixOf({ classes }: SplitSite): number[] {
  return CLASSES.map((label) => PARTITIONS.reduce((sum, part) => sum + (classes[part][label] ?? 0), 0));
}

describe('shards', () => {
  it.each([1, 2, 3, 4])('give each site %i classes and each class to some site', (each) => {
    const sizes = [40, 20, 60, 24];
    const rows = CLASSES.flatMap((label, at) => evenRows(sizes[at] ?? 0, [label]));
    for (const seed of [0, 1, 2]) {
      const mixes = sitesOf(rows, shards(each), { sites: 6, seed }).map(mixOf);
      for (const mix of mixes) expect(mix.filter((count) => count > 0)).toHaveLength(each);
      for (const [at, size] of sizes.entries())
        expect(mixes.reduce((sum, mix) => sum + (mix[at] ?? 0), 0)).toBe(size);
    }
  });

  it('are of like size: a class three times as large is cut into three times as many', () => {
    const rows = [...evenRows(60, ['glioma']), ...evenRows(20, ['meningioma'])];
    const mixes = sitesOf(rows, shards(1)).map(mixOf);
    expect(mixes.map(([glioma, meningioma]) => [glioma, meningioma]).sort()).toEqual([
      [0, 20],
      [20, 0],
      [20, 0],
      [20, 0],
    ]);
  });

  it('fall to other sites with another seed', () => {
    const rows = evenRows(20, CLASSES);
    const firsts = Array.from({ length: 8 }, (_, seed) =>
      mixOf(sitesOf(rows, shards(1), { seed })[0] as SplitSite),
    );
    expect(new Set(firsts.map(String)).size).toBeGreaterThan(1);
  });

  it('of a column leave the mix of classes alike', () => {
    const rows = evenRows(24, CLASSES).map((row, at) => ({ ...row, site: `scanner-${at % 3}` }));
    const scanners = new Map(rows.map(({ id, site }) => [id, site]));
    const sites = sitesOf(rows, { ...shards(1), skew_column: 'site' }, { sites: 3 });
    for (const site of sites) {
      expect(new Set(idsOf(site).map((id) => scanners.get(id))).size).toBe(1);
      expect(mixOf(site)).toEqual([8, 8, 8, 8]);
    }
  });

  it.each([
    ['more classes a site than there are', evenRows(9), shards(3), 'there are 2'],
    ['fewer shards than classes', evenRows(9, CLASSES), shards(1), 'there are 4, and 2 would go to no site'],
  ])('are refused where the rule asks for %s', (_, rows, rule, said) => {
    expect(() => sitesOf(rows, rule, { sites: 2 })).toThrow(code('NF_SPLIT_SHARDS'));
    expect(() => sitesOf(rows, rule, { sites: 2 })).toThrow(said);
  });

  it('are refused where a class has fewer groups than shards', () => {
    const rows = [...evenRows(1, ['glioma']), ...evenRows(9, ['meningioma'])];
    expect(() => sitesOf(rows, shards(2), { sites: 3 })).toThrow(
      /^3 sites with 2 values of class each cannot be made: the groups make 4 shards, and 6 are wanted\.$/,
    );
  });
});

describe('quantity', () => {
  const rows = evenRows(200, CLASSES);

  it('draws sizes and keeps the mix of classes, to a group', () => {
    const mixes = sitesOf(rows, quantity(0.5)).map(mixOf);
    const sizes = mixes.map((mix) => mix.reduce((sum, count) => sum + count, 0));
    expect(Math.max(...sizes) / Math.min(...sizes)).toBeGreaterThan(3);
    for (const mix of mixes) expect(Math.max(...mix) - Math.min(...mix)).toBeLessThanOrEqual(1);
  });

  it('has small sites in spite of whole groups: what one class could not give, the next one does', () => {
    const few = evenRows(9, CLASSES).map((row, at) => ({ ...row, group: `g${at % 9}-${row.diagnosis}` }));
    const sizes = (alpha: number) =>
      sitesOf(few, { ...quantity(alpha), min_groups: 1 }).map((site) => idsOf(site).length);
    expect(sizes(1000)).toEqual([9, 9, 9, 9]);
    const drawn = Array.from({ length: 20 }, (_, seed) =>
      sitesOf(few, { ...quantity(0.7), min_groups: 1 }, { seed }).map((site) => idsOf(site).length),
    );
    expect(drawn.flat()).toContain(1);
    for (const one of drawn) expect(one.reduce((sum, size) => sum + size, 0)).toBe(36);
  });

  it('comes near to alike sites with a large alpha', () => {
    const sizes = sitesOf(rows, quantity(100_000)).map((site) => idsOf(site).length);
    for (const size of sizes) expect(Math.abs(size - 200)).toBeLessThan(8);
  });
});

describe('a skew of a column', () => {
  /** Two scanners with all classes alike. */
  const rows = evenRows(40, CLASSES).map((row, at) => ({ ...row, site: at % 2 === 0 ? 'north' : 'south' }));
  const rule: SplitRule = { ...PARTS, strategy: 'dirichlet', alpha: 0.1, skew_column: 'site' };

  it('makes sites unlike in it, and alike in the classes', () => {
    const scanners = new Map(rows.map(({ id, site }) => [id, site]));
    const sites = sitesOf(rows, rule, { sites: 2, seed: 3 });
    const north = sites.map((site) => {
      const ids = idsOf(site);
      return ids.filter((id) => scanners.get(id) === 'north').length / ids.length;
    });
    expect(Math.abs((north[0] ?? 0) - (north[1] ?? 0))).toBeGreaterThan(0.5);
    for (const mix of sites.map(mixOf)) expect(Math.max(...mix) - Math.min(...mix)).toBeLessThanOrEqual(1);
  });

  it('is refused where somebody has no value, a value is nearly an id, or the column is not there', () => {
    const gaps = rows.map((row, at) => (at === 3 ? { ...row, site: 'n/a' } : row));
    expect(() => sitesOf(gaps, rule)).toThrow(
      /^1 participant has no value in the column 'site': sub-glioma3\.$/,
    );
    const many = rows.map((row, at) => ({ ...row, site: `s${at}` }));
    expect(() => sitesOf(many, rule)).toThrow(code('NF_SPLIT_SKEW_MANY'));
    expect(() => sitesOf(rows, { ...rule, skew_column: 'scaner' })).toThrow(code('NF_SPLIT_COLUMN'));
  });
});

describe('min_groups', () => {
  it('holds for drawn sites', () => {
    const rule: SplitRule = { ...PARTS, strategy: 'dirichlet', alpha: 0.2, min_groups: 12 };
    for (const seed of [0, 1, 2])
      for (const site of sitesOf(evenRows(30, CLASSES), rule, { seed }))
        expect(idsOf(site).length).toBeGreaterThanOrEqual(12);
  });

  it('names what cannot have so many', () => {
    const rule: SplitRule = { ...PARTS, strategy: 'iid', min_groups: 9 };
    expect(() => sitesOf(evenRows(16), rule)).toThrow(code('NF_SPLIT_TOO_MANY_SITES'));
    const narrow: SplitRule = { ...rule, strategy: 'dirichlet', alpha: 0.01, min_groups: 8 };
    expect(() => sitesOf(evenRows(16), narrow)).toThrow(
      /^In 200 draws by dirichlet some site always got fewer than 8 groups\.$/,
    );
    const rows = evenRows(10).map((row, at) => ({ ...row, site: at === 0 ? 'tiny' : 'large' }));
    expect(() => sitesOf(rows, { ...rule, strategy: 'column', site_column: 'site' })).toThrow(
      /^Sites have fewer than 9 groups: tiny \(1\)\.$/,
    );
  });
});

describe('the version of a split', () => {
  it('is 3 where the rule is one that older readers do not know, and 1 else', () => {
    const rows = evenRows(20);
    const versions = [
      { ...PARTS, strategy: 'iid' as const },
      shards(1),
      quantity(1),
      { ...PARTS, strategy: 'dirichlet' as const, alpha: 1, skew_column: 'site' },
    ].map(
      (rule) =>
        splitOf(
          rows.map((row) => ({ ...row, site: 'a' })),
          rule,
          { sites: 2 },
        ).version,
    );
    expect(versions).toEqual([1, 3, 3, 3]);
  });

  it('is held against the rule', () => {
    const split = splitOf(evenRows(20), shards(1), { sites: 2 });
    expect(splitManifestSchema.safeParse(split).success).toBe(true);
    expect(splitManifestSchema.safeParse({ ...split, version: 1 }).success).toBe(false);
  });
});
