import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupOf } from '../../../../src/preprocess/bids/participants.ts';
import { PARTITIONS, type SplitManifest, type SplitRule } from '../../../../src/preprocess/split/manifest.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { evenRows, type MadeRow, madeTable } from './made-table.ts';

const iid: SplitRule = { strategy: 'iid', validation: 0.15, test: 0.15 };
const dirichlet: SplitRule = { ...iid, strategy: 'dirichlet', alpha: 0.5 };
const column: SplitRule = { ...iid, strategy: 'column', site_column: 'site' };

function plan(rows: readonly MadeRow[], rule: SplitRule, more: { sites?: number; seed?: number } = {}) {
  const request = {
    rule,
    seed: more.seed ?? 0,
    sites: rule.strategy === 'column' ? more.sites : (more.sites ?? 3),
  };
  return planSplit(madeTable(rows), request, 'bids');
}

const code = (name: string) => expect.objectContaining({ code: name });
const everyone = (split: SplitManifest) =>
  split.sites.flatMap((site) => PARTITIONS.flatMap((part) => site[part]));

/** Rows with random classes, groups (some with two classes) and reasons to set aside. */
const anyRows = fc.tuple(fc.integer(), fc.integer({ min: 12, max: 80 })).map(([seed, count]) => {
  const random = createRandom('rows', seed);
  const classes = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];
  return Array.from({ length: count }, (_, at): MadeRow => {
    const row = {
      id: `sub-${at}`,
      diagnosis: classes[random.int(4)] ?? '',
      site: `scanner-${random.int(3)}`,
    };
    const group = random.int(3) === 0 ? {} : { group: `g${random.int(count)}` };
    return { ...row, ...group, ...(random.int(9) === 0 && { setAside: 'duplicate' }) };
  });
});

describe('planSplit holds for any table', () => {
  const rules = fc.constantFrom<SplitRule>(
    iid,
    dirichlet,
    { ...dirichlet, alpha: 5 },
    { ...iid, validation: 0 },
    { ...dirichlet, skew_column: 'site' },
    { ...iid, strategy: 'quantity', alpha: 1 },
    { ...iid, strategy: 'shards', shards_per_site: 2 },
    { ...iid, strategy: 'shards', shards_per_site: 1, skew_column: 'site' },
    { ...iid, min_groups: 4 },
  );
  const sites = fc.integer({ min: 1, max: 4 });

  /** The split, or undefined where it says that it cannot be made. */
  function tryPlan(rows: readonly MadeRow[], rule: SplitRule, count: number) {
    try {
      return plan(rows, rule, { sites: count });
    } catch (error) {
      expect([
        'NF_SPLIT_TOO_MANY_SITES',
        'NF_SPLIT_SITES_UNEVEN',
        'NF_SPLIT_TRAIN_EMPTY',
        'NF_SPLIT_SHARDS',
      ]).toContain((error as { code?: string }).code);
      return undefined;
    }
  }

  it('no group crosses, everyone who is kept appears once, nobody else does', () => {
    const property = fc.property(anyRows, rules, sites, (rows, rule, count) => {
      const made = tryPlan(rows, rule, count);
      if (!made) return;
      const table = new Map(madeTable(rows).rows.map((row) => [row.id, groupOf(row)]));
      const homes = new Map<string, Set<string>>();
      for (const site of made.split.sites) {
        for (const part of PARTITIONS) {
          for (const id of site[part]) {
            const group = table.get(id) ?? '';
            homes.set(group, (homes.get(group) ?? new Set()).add(`${site.name} ${part}`));
          }
        }
      }
      expect([...homes.values()].every((places) => places.size === 1)).toBe(true);
      const kept = rows.filter(({ setAside }) => setAside === undefined).map(({ id }) => id);
      expect(everyone(made.split).sort()).toEqual(kept.sort());
      expect(made.leftOut).toHaveLength(rows.length - kept.length);
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('the same seed gives the same split, whatever the order of the rows', () => {
    const property = fc.property(anyRows, rules, fc.integer(), (rows, rule, seed) => {
      const made = tryPlan(rows, rule, 2);
      if (!made) return;
      expect(plan(rows, rule, { sites: 2 })).toEqual(made);
      const shuffled = createRandom('order', seed).shuffle([...rows]);
      expect(plan(shuffled, rule, { sites: 2 }).split.sites).toEqual(made.split.sites);
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('counts agree with lists', () => {
    const property = fc.property(anyRows, sites, (rows, count) => {
      const made = tryPlan(rows, iid, count);
      for (const site of made?.split.sites ?? []) {
        for (const part of PARTITIONS) {
          const counted = Object.values(site.classes[part]).reduce((sum, own) => sum + own, 0);
          expect(counted).toBe(site[part].length);
        }
      }
    });
    fc.assert(property, { numRuns: 30 });
  });
});

describe('planSplit', () => {
  it('keeps the shares and the mix of classes', () => {
    const { split, warnings } = plan(evenRows(60), iid);
    for (const site of split.sites) {
      expect([site.train.length, site.validation.length, site.test.length]).toEqual([28, 6, 6]);
      expect(site.classes.train).toEqual({ glioma: 14, no_tumor: 14 });
    }
    expect(warnings).toEqual([]);
    expect(split.groups).toEqual({ count: 120, largest: 1 });
  });

  it('comes near the shares with groups of unequal size', () => {
    const rows = evenRows(100).map((row, at) => ({
      ...row,
      group: `${row.diagnosis}${Math.floor(Math.sqrt(at))}`,
    }));
    const { split } = plan(rows, iid, { sites: 1 });
    expect(split.sites[0]?.validation.length).toBeGreaterThan(15);
    expect(split.sites[0]?.validation.length).toBeLessThan(40);
  });

  it('draws uneven sites with a small alpha and even ones with a large', () => {
    const spread = (alpha: number) => {
      const { split } = plan(evenRows(80, ['a', 'b', 'c']), { ...dirichlet, alpha }, { sites: 4 });
      const counts = split.sites.map((site) => site.classes.train.a ?? 0);
      return Math.max(...counts) - Math.min(...counts);
    };
    expect(spread(0.2)).toBeGreaterThan(20);
    expect(spread(1000)).toBeLessThan(5);
  });

  it('another seed gives another split', () => {
    const rows = evenRows(30);
    expect(plan(rows, iid, { seed: 1 }).split.sites).not.toEqual(plan(rows, iid, { seed: 2 }).split.sites);
  });

  it('takes sites from a column, and every subject stays there', () => {
    const rows = evenRows(12).map((row, at) => ({ ...row, site: at % 2 === 0 ? 'north' : 'south' }));
    const { split } = plan(rows, column);
    expect(split.sites.map(({ name }) => name)).toEqual(['north', 'south']);
    expect(split.sites.map((site) => PARTITIONS.flatMap((part) => site[part]).length)).toEqual([12, 12]);
    expect(split.sites.every((site) => site.validation.length > 0 && site.test.length > 0)).toBe(true);
  });

  it('gives a scarce class to validation at one site and to test at another', () => {
    const rows = evenRows(8).map((row, at) => ({ ...row, site: at % 2 === 0 ? 'north' : 'south' }));
    const { split } = plan(rows, column);
    const [north, south] = split.sites;
    for (const label of ['glioma', 'no_tumor']) {
      const validations = [north?.classes.validation[label], south?.classes.validation[label]];
      expect(validations.sort()).toEqual([0, 1]);
    }
  });

  it('leaves set-aside and unlabelled participants out and lists them', () => {
    const rows = [
      ...evenRows(6),
      { id: 'sub-x', diagnosis: 'glioma', setAside: 'duplicate' },
      { id: 'sub-y', diagnosis: 'n/a' },
    ];
    const { split, leftOut } = plan(rows, iid, { sites: 1 });
    expect(leftOut).toEqual([
      { participant: 'sub-x', reason: 'duplicate' },
      { participant: 'sub-y', reason: 'no diagnosis' },
    ]);
    expect(split.set_aside).toEqual({ duplicate: 1, label_conflict: 0 });
  });

  it('says what it could not give', () => {
    const rows = [...evenRows(9, ['glioma']), { id: 'sub-x', diagnosis: 'rare' }];
    expect(plan(rows, iid, { sites: 2 }).warnings).toEqual(
      expect.arrayContaining([
        'rare has 1 group, fewer than the 3 parts',
        expect.stringMatching(/^site-\d train has no rare$/),
      ]),
    );
  });

  it('gives every site something to train on when groups are as scarce as sites', () => {
    const { split } = plan(evenRows(2), iid, { sites: 4 });
    expect(split.sites.map((site) => site.train.length)).toEqual([1, 1, 1, 1]);
  });
});

describe('planSplit refuses', () => {
  it('more sites than groups', () => {
    expect(() => plan(evenRows(2), iid, { sites: 5 })).toThrow(code('NF_SPLIT_TOO_MANY_SITES'));
  });

  it('a Dirichlet draw that cannot come out', () => {
    const few = evenRows(5, ['glioma']);
    expect(() => plan(few, { ...dirichlet, alpha: 0.001 }, { sites: 5 })).toThrow(
      code('NF_SPLIT_SITES_UNEVEN'),
    );
  });

  it('a table without diagnosis, or with nobody left', () => {
    expect(() => plan([{ id: 'sub-1', diagnosis: 'n/a' }], iid)).toThrow(code('NF_SPLIT_NOTHING'));
  });

  it('columns that are missing or cannot name a site', () => {
    const rows = evenRows(4).map((row) => ({ ...row, site: 'north' }));
    expect(() => plan(rows, { ...column, site_column: 'siet' })).toThrow(
      /no column 'siet'. Did you mean 'site'/,
    );
    const odd = rows.map((row, at) => (at === 2 ? { ...row, site: '../x' } : row));
    expect(() => plan(odd, column)).toThrow(code('NF_SPLIT_SITE_VALUE'));
    expect(() => plan(evenRows(4), column)).toThrow(
      /^8 values in the column 'site' cannot name a site: 'n\/a' \(sub-glioma0, sub-glioma1, sub-glioma2 and 5 more\)\.$/,
    );
    const mixed = rows.map((row, at) => ({ ...row, site: ['north', 'Nord Klinik', 'a/b'][at % 3] ?? '' }));
    expect(() => plan(mixed, column)).toThrow(
      /'Nord Klinik' \(sub-glioma1, sub-notumor0, sub-notumor3\), 'a\/b' \(sub-glioma2, sub-notumor1\)/,
    );
    expect(() => plan(rows, column, { sites: 3 })).toThrow(code('NF_SPLIT_SITE_COUNT'));
  });

  it('a group at two sites', () => {
    const rows = evenRows(4).map((row, at) => ({
      ...row,
      site: at === 0 ? 'north' : 'south',
      group: at < 2 ? 'g' : `h${at}`,
    }));
    expect(() => plan(rows, column)).toThrow(code('NF_SPLIT_GROUP_AT_TWO_SITES'));
  });
});

describe('folds', () => {
  const rows = evenRows(40).map((row, at) => ({ ...row, group: `g${at >> 1}` }));
  const folds = [1, 2, 3, 4].map((index) =>
    plan(rows, { ...iid, test: 0.25, fold: { index, of: 4 } }, { sites: 2 }),
  );
  const tested = folds.map(({ split }) => split.sites.flatMap(({ test }) => test));

  it('test everybody once, with sites that stay the same', () => {
    expect(tested.flat().sort()).toEqual(rows.map(({ id }) => id).sort());
    const members = folds.map(({ split }) =>
      split.sites.map((site) => PARTITIONS.flatMap((part) => site[part]).sort()),
    );
    for (const other of members) expect(other).toEqual(members[0]);
  });

  it('are of like size, and validation is a share of the whole', () => {
    for (const test of tested) expect(test.length).toBeGreaterThanOrEqual(16);
    for (const { split } of folds) {
      const validation = split.sites.flatMap((site) => site.validation).length;
      expect(validation).toBeGreaterThanOrEqual(8);
      expect(validation).toBeLessThanOrEqual(16);
    }
  });
});
