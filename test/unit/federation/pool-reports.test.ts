import { describe, expect, it } from 'vitest';
import { poolReports } from '../../../src/runtime/federation/pool-reports.ts';
import type { MetricReport } from '../../../src/runtime/telemetry/metrics.ts';
import { describeMetrics } from '../../../src/runtime/train/metrics.ts';

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

  it('leaves out what a site does not define, and what is no number', () => {
    expect(poolReports([result({ auc: 1, note: 'a' }), result({ auc: null, note: 'b' })])).toEqual({});
    expect(poolReports([])).toEqual({});
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
  ])('takes no confusion matrix with %s for one', (_, metrics) => {
    expect(poolReports([result({ ...metrics, num_examples: 1, accuracy: 0.5 })])).toEqual({
      accuracy: 0.5,
      num_examples: 1,
    });
  });
});
