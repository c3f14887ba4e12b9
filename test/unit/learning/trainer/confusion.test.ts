import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  balancedAccuracy,
  describeMetrics,
  logLoss,
  poolMetrics,
  recall,
} from '../../../../src/runtime/learning/trainer/confusion.ts';

const CLASSES = ['glioma', 'meningioma', 'pituitary'];
const counts = fc.array(fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 });

describe('figures from counts', () => {
  const confusion = [
    [8, 2, 0],
    [1, 1, 0],
    [0, 0, 4],
  ];

  it('counts accuracy over examples and balanced accuracy over classes', () => {
    expect(accuracy(confusion)).toBeCloseTo(13 / 16);
    expect(recall(confusion, 0)).toBeCloseTo(0.8);
    expect(balancedAccuracy(confusion)).toBeCloseTo((0.8 + 0.5 + 1) / 3);
  });

  it('gives null and the reason for a class without examples', () => {
    const metrics = describeMetrics(
      CLASSES,
      [
        [3, 1, 0],
        [0, 0, 0],
        [0, 0, 2],
      ],
      1.2,
    );
    expect(metrics.recall).toEqual({ glioma: 0.75, meningioma: null, pituitary: 1 });
    expect(metrics.balanced_accuracy).toBeNull();
    expect(metrics.accuracy).toBeCloseTo(5 / 6);
    expect(metrics.undefined_because).toEqual({
      balanced_accuracy: 'no example of meningioma',
      'recall.meningioma': 'no example of meningioma',
    });
  });

  it('gives null for everything of an empty set', () => {
    const metrics = describeMetrics(
      CLASSES,
      [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      0,
    );
    expect(metrics).toMatchObject({ loss: null, accuracy: null, balanced_accuracy: null, num_examples: 0 });
    expect(metrics.undefined_because?.loss).toBe('no examples');
  });

  it('bounds the loss of one example', () => {
    expect(logLoss(1)).toBeCloseTo(0);
    expect(logLoss(0.25)).toBeCloseTo(Math.log(4));
    expect(Number.isFinite(logLoss(0))).toBe(true);
  });

  it('stays within [0, 1] and survives JSON', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 1e6, noNaN: true }), (table, lossSum) => {
        const metrics = describeMetrics(CLASSES, table, lossSum);
        for (const value of [metrics.accuracy, metrics.balanced_accuracy, ...Object.values(metrics.recall)]) {
          if (value !== null) expect(value >= 0 && value <= 1).toBe(true);
        }
        expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics);
      }),
    );
  });

  it('is balanced: repeating one class changes nothing', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 9 }), (table, times) => {
        const repeated = table.map((row, index) => (index === 0 ? row.map((count) => count * times) : row));
        const before = balancedAccuracy(table);
        const after = balancedAccuracy(repeated);
        if (before === null) expect(after).toBeNull();
        else expect(after).toBeCloseTo(before, 12);
      }),
    );
  });
});

describe('poolMetrics', () => {
  it('equals the figures of the sites counted together, in any order', () => {
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 5 }), (tables) => {
        const sites = tables.map((table, index) => describeMetrics(CLASSES, table, index + 1));
        const together = tables.reduce((left, right) =>
          left.map((row, truth) => row.map((count, predicted) => count + (right[truth]?.[predicted] ?? 0))),
        );
        const pooled = poolMetrics(sites);
        expect(pooled.confusion).toEqual(together);
        expect(pooled.balanced_accuracy).toBe(balancedAccuracy(together));
        expect(poolMetrics([...sites].reverse()).recall).toEqual(pooled.recall);
      }),
    );
  });

  it('weights the loss by examples', () => {
    const one = describeMetrics(
      CLASSES,
      [
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      4,
    );
    const three = describeMetrics(
      CLASSES,
      [
        [0, 0, 0],
        [0, 3, 0],
        [0, 0, 0],
      ],
      3,
    );
    expect(poolMetrics([one, three]).loss).toBeCloseTo(7 / 4);
  });

  it('defines what single sites cannot', () => {
    const left = describeMetrics(
      CLASSES,
      [
        [2, 0, 0],
        [0, 0, 0],
        [0, 0, 1],
      ],
      1,
    );
    const right = describeMetrics(
      CLASSES,
      [
        [0, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
      ],
      1,
    );
    expect(poolMetrics([left, right]).balanced_accuracy).toBeCloseTo((1 + 0.5 + 1) / 3);
  });

  it('refuses other classes or another order', () => {
    const table = [
      [1, 0],
      [0, 1],
    ];
    const left = describeMetrics(['a', 'b'], table, 1);
    const right = describeMetrics(['b', 'a'], table, 1);
    expect(() => poolMetrics([left, right])).toThrow(/different classes: \[a, b\] and \[b, a\]/);
  });
});
