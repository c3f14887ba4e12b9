import { describe, expect, it } from 'vitest';
import type { MetricReport } from '../../../src/runtime/base/logging/metrics.ts';
import { describeMetrics } from '../../../src/runtime/learning/trainer/confusion.ts';
import { OverlapSums } from '../../../src/runtime/learning/trainer/overlap.ts';
import { poolReports } from '../../../src/runtime/run/pool-reports.ts';
import { statisticsSchema } from '../../../src/runtime/run/statistics.ts';
import { requireSums, statisticsOf } from '../../../src/runtime/run/statistics-of.ts';

const REPORT = {
  ...describeMetrics(
    ['glioma', 'no_tumor'],
    [
      [3, 1],
      [0, 2],
    ],
    1.5,
  ),
  auc: 0.75,
  note: 'text',
} as unknown as MetricReport;
const COUNTED = {
  examples: 6,
  alike: { classes: ['glioma', 'no_tumor'] },
  means: { loss: { sum: 1.5, weight: 6 }, accuracy: { sum: 5, weight: 6 } },
  groups: { recall: { over: 'classes', sums: [3, 2], weights: [4, 2] } },
  macro: { balanced_accuracy: 'recall' },
  tables: {
    confusion: [
      [3, 1],
      [0, 2],
    ],
  },
};

/** Loss and Dice of volumes; those of Dice 0 show no label, and none is found there. */
function segmented(volumes: readonly (readonly [loss: number, dice: number])[]): MetricReport {
  const sums = new OverlapSums(['lesion']);
  for (const [loss, dice] of volumes) {
    const shown = { both: [dice * 8], predicted: [8], truth: [8] };
    sums.add(dice > 0 ? shown : { both: [0], predicted: [0], truth: [0] }, loss);
  }
  return sums.describe() as unknown as MetricReport;
}

describe('the sums of a site', () => {
  it('are counts where the report has a confusion matrix, and products of figure and examples beside them', () => {
    expect(statisticsOf(REPORT, 100)).toEqual({
      means: { auc: { sum: 4.5, weight: 6 } },
      totals: { num_examples: 6 },
      counted: COUNTED,
    });
    expect(statisticsOf({ accuracy: 0.5, list: [1] }, 8)).toEqual({
      means: { accuracy: { sum: 4, weight: 8 } },
      totals: {},
    });
  });

  it('of a segmentation are over the volumes that each figure is over', () => {
    const sums = statisticsOf(
      segmented([
        [0.5, 0.25],
        [0.25, 0],
      ]),
      100,
    );
    expect(sums).toEqual({
      means: {},
      totals: { num_examples: 2 },
      counted: {
        examples: 2,
        alike: { labels: ['lesion'] },
        means: {
          loss: { sum: 0.75, weight: 2 },
          dice: { sum: 0.25, weight: 1 },
          specificity: { sum: 1, weight: 1 },
          'label_dice.lesion': { sum: 0.25, weight: 1 },
        },
        groups: {},
        macro: {},
        tables: {},
      },
    });
  });

  it('of segmentations come to the figures of all volumes', () => {
    const all = [
      [0.5, 0.25],
      [0.25, 0],
      [1, 0.75],
      [0.125, 0.5],
      [2, 0],
    ] as const;
    const reports = [all.slice(0, 2), all.slice(2, 4), all.slice(4)].map((own, site) => ({
      site: `site-${site}`,
      metrics: segmented(own),
      numExamples: 4,
      statistics: statisticsOf(segmented(own), 4),
    }));
    const { loss, dice, specificity, num_examples: examples } = segmented(all);
    expect(poolReports(reports)).toMatchObject({
      loss,
      dice,
      specificity,
      num_examples: examples,
      labels: ['lesion'],
    });
  });

  it.each<[string, MetricReport]>([
    ['counts', REPORT],
    [
      'a segmentation',
      segmented([
        [0.5, 0.25],
        [0.25, 0],
      ]),
    ],
    ['a segmentation of nothing', segmented([])],
    ['nothing', {}],
    ['no examples', { loss: 0.5, num_examples: 0 }],
    ['figures at their most', { huge: 1e100, num_examples: 1e12 }],
    ['figures of version 0.1.0', { huge: 1.7e308, num_examples: 1e300 }],
  ])('pass their own schema and JSON: of %s', (_, report) => {
    const sums = statisticsOf(report, 1e12);
    expect(statisticsSchema.parse(JSON.parse(JSON.stringify(sums)))).toEqual(sums);
  });

  it.each<[string, object]>([
    ['a mean over more examples than are counted', { means: { accuracy: { sum: 5, weight: 7 } } }],
    ['more right than there are', { means: { accuracy: { sum: 7, weight: 6 } } }],
    ['a share under zero', { means: { accuracy: { sum: -1, weight: 6 } } }],
    [
      'a group with more right than it has',
      { groups: { recall: { ...COUNTED.groups.recall, sums: [5, 2] } } },
    ],
    [
      'a group that is larger than all',
      { groups: { recall: { ...COUNTED.groups.recall, weights: [7, 2] } } },
    ],
    ['fewer groups than names', { groups: { recall: { over: 'classes', sums: [3], weights: [4] } } }],
    ['groups of nothing', { groups: { recall: { ...COUNTED.groups.recall, over: 'organs' } } }],
    ['a mean of groups that are not there', { macro: { balanced_accuracy: 'precision' } }],
    ['counts that are no whole numbers', { tables: { confusion: [[0.5]] } }],
    ['counts under zero', { tables: { confusion: [[-1]] } }],
    ['more than a count may be', { examples: 1e90 }],
    ['a sum out of all proportion', { means: { loss: { sum: 1e112, weight: 6 } } }],
    ['a weight of nothing', { means: { loss: { sum: 1, weight: 0 } } }],
    ['a table of the name of a figure', { tables: { accuracy: [[1]] } }],
    ['a figure of the name of a list', { macro: { classes: 'recall' } }],
    ['a table in the place of the examples', { tables: { num_examples: [[1]] } }],
    ['a key that nobody knows', { extra: 1 }],
  ])('are refused with %s', (_, wrong) => {
    const sums = { means: {}, totals: {}, counted: { ...COUNTED, ...wrong } };
    expect(statisticsSchema.safeParse({ means: {}, totals: {}, counted: COUNTED }).success).toBe(true);
    expect(statisticsSchema.safeParse(sums).success).toBe(false);
  });
});

describe('the sums that a site sends', () => {
  const report = { accuracy: 0.1 + 0.2, loss: 1 / 3, num_examples: 7 };
  const sent = (over = {}) => JSON.parse(JSON.stringify({ ...statisticsOf(report, 3), ...over }));

  it('are those of its figures, also after they were on the line and in another order', () => {
    const { means, totals } = sent();
    const turned = { totals, means: Object.fromEntries(Object.entries(means).reverse()) };
    expect(requireSums(turned as never, report, 3)).toEqual(statisticsOf(report, 3));
    expect(requireSums(undefined, report, 3)).toEqual(statisticsOf(report, 3));
  });

  it.each([
    ['means', { means: {} }],
    ['totals', { totals: { num_examples: 7, accuracy: 1 } }],
    ['counted', { counted: COUNTED }],
  ])('are refused where they say more or less: %s', (part, over) => {
    expect(() => requireSums(sent(over), report, 3)).toThrow(part);
  });

  it.each<[string, object]>([
    ['a total of the name of a mean', { means: { auc: { sum: 1, weight: 2 } }, totals: { auc: 1 } }],
    ['a mean of the name of what is counted', { means: { accuracy: { sum: 1, weight: 2 } } }],
    ['a reason for what is there', { totals: { undefined_because: 1 } }],
  ])('are refused with %s', (_, wrong) => {
    const sums = { means: {}, totals: {}, counted: COUNTED, ...wrong };
    expect(statisticsSchema.safeParse(sums).success).toBe(false);
  });
});
