import { describe, expect, it } from 'vitest';
import type { MetricReport } from '../../../src/runtime/base/logging/metrics.ts';
import { describeMetrics } from '../../../src/runtime/learning/trainer/confusion.ts';
import {
  boundedCounts,
  leftOut,
  otherCounts,
  partsOf,
  poolReports,
  scorersOf,
} from '../../../src/runtime/run/pool-reports.ts';

const result = (metrics: MetricReport, numExamples = 1) =>
  ({ site: 'site-1', paramsType: 'FULL', numExamples, metrics, seconds: 0 }) as const;
const counted = (confusion: number[][]) =>
  ({ ...describeMetrics(['glioma', 'no_tumor'], confusion, 1) }) as unknown as MetricReport;

describe('the report over all sites', () => {
  it('is the mean of each number, weighted by the examples it was taken on', () => {
    const pooled = poolReports([
      result({ auc: 0.5, num_examples: 3 }, 100),
      result({ auc: 0.9, num_examples: 1 }, 100),
    ]);
    expect(pooled).toEqual({ auc: 0.6, num_examples: 4 });
    expect(poolReports([result({ auc: 0.5 }, 3), result({ auc: 0.9 }, 1)]).auc).toBeCloseTo(0.6);
  });

  it('is over the sites that define a figure, and leaves out what is no number', () => {
    const given = [
      result({ auc: 1, note: 'a' }),
      result({ auc: null, note: 'b' }),
      result({}),
      result({ auc: 'x' }),
    ];
    expect(poolReports(given)).toEqual({ auc: 1 });
    expect(poolReports([])).toEqual({});
  });

  it('is finite where every figure is', () => {
    const huge = [result({ auc: 1.7e308 }, 1e12), result({ auc: 1.6e308 }, 1e12)];
    // A log of version 0.1.0 may hold such ones.
    expect(poolReports(huge)).toEqual({ auc: 1e100 });
    expect(poolReports([result({ auc: 1, num_examples: -5 }, 3), result({ auc: 0 }, 1)]).auc).toBe(0.75);
  });

  it('bounds the weight of a site by those of the others', () => {
    const given = [result({ auc: 1 }, 1e12), result({ auc: 0 }, 10), result({ auc: 0 }, 30)];
    expect(poolReports(given, { maxWeightRatio: 3 }).auc).toBeCloseTo(60 / 100);
  });

  it('bounds the counts of a site by those of the others, and says so', () => {
    const of = (site: string, right: number, wrong: number) => ({
      ...result(
        counted([
          [right, wrong],
          [0, 0],
        ]),
      ),
      site,
    });
    const given = [of('site-1', 0, 1e12), of('site-2', 10, 0), of('site-3', 30, 0)];
    expect(poolReports(given, { maxWeightRatio: 3 })).toMatchObject({ accuracy: 0.4, num_examples: 100 });
    expect(boundedCounts(given, 3)).toEqual([
      'site-1 counts 1000000000000 examples: they count as 60, 3 times the median of the others (workflow.max_weight_ratio)',
    ]);
    expect(boundedCounts(given.slice(1), 3)).toEqual([]);
  });

  it('is for the classes that most sites count, of equally many for those of the job', () => {
    const of = (site: string, classes: string[]) => ({
      ...result({
        ...counted([
          [1, 0],
          [0, 1],
        ]),
        classes,
      }),
      site,
    });
    const right = ['glioma', 'no_tumor'];
    const given = [of('site-1', ['x', 'y']), of('site-2', right), of('site-3', right)];
    const differ = [{ site: 'site-1', expected: 'glioma, no_tumor', actual: 'x, y' }];
    expect(otherCounts(given, {})).toEqual(differ);
    expect(otherCounts(given, { classes: ['x', 'y'] })).toEqual(differ);
    expect(otherCounts(given.slice(0, 2), { classes: right })).toEqual(differ);
    expect(otherCounts(given.slice(0, 2), {})).toMatchObject([{ site: 'site-2' }]);
    expect(otherCounts([], { classes: right })).toEqual([]);
  });

  it('counts the sites that count, and passes over one without figures', () => {
    const confusion = [
      [3, 1],
      [0, 2],
    ];
    expect(poolReports([result(counted(confusion)), result({})])).toMatchObject({ accuracy: 5 / 6 });
    expect(poolReports([result(counted(confusion)), result({ accuracy: 0 })]).accuracy).toBeCloseTo(5 / 7);
  });

  it('is of the counts where most sites count, without a site that gives the figures alone', () => {
    const confusion = [
      [3, 1],
      [0, 2],
    ];
    const counting = ['site-1', 'site-2'].map((site) => ({ ...result(counted(confusion)), site }));
    const alone = { ...result({ accuracy: 1e100, loss: 0, auc: 1 }), site: 'site-3' };
    const given = [...counting, alone];
    expect(poolReports(given)).toMatchObject({ accuracy: 5 / 6, num_examples: 12, auc: 1 });
    expect(scorersOf(given, 'accuracy')).toEqual(['site-1', 'site-2']);
    expect(leftOut(given)).toEqual([
      'site-3 gives loss, accuracy without counts that add up (classes, confusion, num_examples), which most sites give: left out of the figures over all sites',
    ]);
    expect(leftOut(counting)).toEqual([]);
    // Of equally many nobody's counts are used.
    const even = [...counting.slice(1), { ...alone, metrics: { accuracy: 0.5 } }];
    expect(leftOut(even)).toEqual([]);
    expect(scorersOf(even, 'accuracy')).toEqual(['site-2', 'site-3']);
  });

  it('has shares within 0 and 1, as most sites give them', () => {
    const of = (metrics: MetricReport[]) =>
      metrics.map((own, at) => ({ ...result(own), site: `site-${at + 1}` }));
    for (const name of ['accuracy', 'auroc', 'val_f1', 'Dice']) {
      const given = of([{ [name]: 1e100 }, { [name]: 0.5 }, { [name]: 1 + 2 ** -52 }]);
      expect(poolReports(given)[name]).toBeCloseTo(0.75);
      expect(scorersOf(given, name)).toEqual(['site-2', 'site-3']);
      expect(leftOut(given)).toEqual([
        `site-1 gives ${name} 1e+100, which is not between 0 and 1 as that of most sites: left out of the figures over all sites`,
      ]);
      expect(poolReports(given.slice(0, 2))[name]).toBe(0.5);
    }
    // A script may call what it likes an accuracy.
    const own = of([{ accuracy: 5 }, { accuracy: 8 }, { accuracy: 0.5 }]);
    expect([poolReports(own).accuracy, leftOut(own)]).toEqual([4.5, []]);
    expect(poolReports(of([{ loss: 5 }, { loss: 0.5 }])).loss).toBe(2.75);
  });

  it('is the same mean whatever number of examples next to nothing one site scored', () => {
    const given = [result({ auc: 0.5, num_examples: 5e-324 }, 10), result({ auc: 0.9, num_examples: 10 })];
    expect(poolReports(given, { maxWeightRatio: 100 }).auc).toBeCloseTo(0.7);
  });

  it('names a few of the classes of a site that counts hundreds with long names, each cut', () => {
    const of = (site: string, classes: string[]) => {
      const confusion = classes.map((_, row) => classes.map((_name, column) => (row + column === 0 ? 1 : 0)));
      return { site, numExamples: 1, metrics: { classes, confusion, num_examples: 1, loss: null } };
    };
    const many = Array.from({ length: 30 }, (_, index) => `${index}`.padEnd(2400, 'x'));
    const honest = ['a', 'b'].map((site) => of(site, ['one', 'two']));
    const [found, ...others] = otherCounts([of('evil', many), ...honest], {});
    expect(others).toEqual([]);
    expect(found).toMatchObject({ site: 'evil', expected: 'one, two' });
    expect(found?.actual).toMatch(/^0x{59}…, 1x{59}….*, 20 more$/);
    expect(found?.actual.length).toBeLessThan(1000);
  });

  it.each(['accuracy', 'auc', 'balanced_accuracy', 'loss', 'num_examples'])(
    'of %s alone is made of parts that are kept for it',
    (name) => {
      const of = (site: string, rows: number[][], auc: number) => ({
        ...result({ ...counted(rows), auc }),
        site,
      });
      const ones = [
        [3, 1],
        [0, 0],
      ];
      const others = [
        [0, 0],
        [1, 2],
      ];
      const given = [of('a', ones, 0.5), of('b', others, 0.75), { ...result({ accuracy: 1 }), site: 'c' }];
      for (const reports of [given, given.slice(1)]) {
        const parts = partsOf(reports, name);
        expect(poolReports(parts)[name]).toBe(poolReports(reports)[name]);
        expect(parts.map(({ site }) => site)).toEqual(scorersOf(reports, name));
        expect(JSON.stringify(parts)).not.toContain('confusion');
      }
    },
  );

  it('has nothing of a loss that is no number in that of the others', () => {
    const rows = [
      [1, 0],
      [0, 1],
    ];
    expect(poolReports([result({ ...counted(rows), loss: null }), result(counted(rows))])).toMatchObject({
      loss: 0.5,
      num_examples: 4,
    });
    expect(poolReports([result({ ...counted(rows), loss: null })])).toMatchObject({
      loss: null,
      undefined_because: { loss: 'no site gives it' },
    });
  });

  it('adds counts of which nobody here knows what they count', () => {
    const site = (name: string, sums: number[]) => ({
      ...result({ note: 'as the site shows it' }),
      site: name,
      statistics: {
        means: {},
        totals: { voxels: 7 },
        counted: {
          examples: 10,
          alike: { organs: ['liver', 'kidney'] },
          means: { exact: { sum: 5, weight: 10 } },
          groups: { overlap: { over: 'organs', sums, weights: [4, 6] } },
          macro: { mean_overlap: 'overlap' },
          tables: { seen: [[1, 2, 3]] },
        },
      },
    });
    expect(poolReports([site('a', [1, 3]), site('b', [3, 6])])).toEqual({
      exact: 0.5,
      mean_overlap: 0.625,
      num_examples: 20,
      organs: ['liver', 'kidney'],
      overlap: { liver: 0.5, kidney: 0.75 },
      seen: [[2, 4, 6]],
      voxels: 14,
    });
  });

  it('names the site that counts other classes', () => {
    const other = {
      ...counted([
        [1, 0],
        [0, 1],
      ]),
      classes: ['glioma', 'meningioma'],
    };
    expect(() =>
      poolReports([
        result(
          counted([
            [1, 0],
            [0, 1],
          ]),
        ),
        { ...result(other), site: 'site-9' },
      ]),
    ).toThrow(expect.objectContaining({ code: 'NF_TRAIN_METRICS_DIFFER', place: { site: 'site-9' } }));
  });

  it('is computed from counts where every site counts: a recall that one site lacks is defined over all', () => {
    const pooled = poolReports([
      result(
        counted([
          [3, 1],
          [0, 0],
        ]),
      ),
      result(
        counted([
          [0, 0],
          [0, 2],
        ]),
      ),
    ]);
    expect(pooled).toMatchObject({ balanced_accuracy: 0.875, num_examples: 6 });
  });

  it('keeps the other figures that a script sends beside the counted ones', () => {
    const confusion = [
      [1, 0],
      [0, 1],
    ];
    const pooled = poolReports([
      result({ ...counted(confusion), auc: 0.5 }),
      result({ ...counted(confusion), auc: 1 }),
    ]);
    expect(pooled).toMatchObject({ auc: 0.75, accuracy: 1 });
  });

  it.each([
    ['rows of texts', { classes: ['a', 'b'], confusion: ['12', '34'] }],
    ['counts that are texts', { classes: ['a'], confusion: [['1']] }],
    ['fewer rows than classes', { classes: ['a', 'b'], confusion: [[1, 2]] }],
    ['counts under zero', { classes: ['a'], confusion: [[-1]] }],
    [
      'counts that are no whole numbers',
      {
        classes: ['a', 'b'],
        confusion: [
          [0.5, 0.5],
          [0, 0],
        ],
      },
    ],
    ['more than a count may be', { classes: ['a'], confusion: [[1e90]] }],
    ['other examples than it says', { classes: ['a'], confusion: [[2]] }],
  ])('takes no confusion matrix with %s for one', (_, metrics) => {
    expect(poolReports([result({ ...metrics, num_examples: 1, accuracy: 0.5 })])).toEqual({
      accuracy: 0.5,
      num_examples: 1,
    });
  });
});
