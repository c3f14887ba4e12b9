import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { auroc, rankScores } from '../../../src/runtime/statistics/auroc.ts';
import {
  expectedCalibrationError,
  reliabilityBins,
  sortConfidences,
} from '../../../src/runtime/statistics/calibration.ts';
import { type Groups, indexGroups, shareOf } from '../../../src/runtime/statistics/figure.ts';
import { meanEstimate } from '../../../src/runtime/statistics/mean-estimate.ts';
import {
  brierScores,
  fitTemperature,
  logLosses,
  predictedClass,
  withTemperature,
} from '../../../src/runtime/statistics/probabilities.ts';

/** Predictions of two classes whose logarithms are `sharp` times too far apart. */
function predictions(count: number, sharp: number) {
  const random = createRandom('predictions', count, sharp);
  const labels = new Uint8Array(count);
  const probabilities = new Float64Array(2 * count);
  for (let row = 0; row < count; row++) {
    const logit = 2 * random.normal();
    const truth = 1 / (1 + Math.exp(-logit));
    labels[row] = random.next() < truth ? 1 : 0;
    const said = 1 / (1 + Math.exp(-sharp * logit));
    probabilities.set([1 - said, said], 2 * row);
  }
  return { probabilities, labels, classes: 2 };
}

describe('the area under the ROC', () => {
  it('is the share of pairs in the right order, ties counting half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2, maxLength: 30 }),
        (rows) => {
          const scores = Float64Array.from(rows, ([score]) => score);
          const positive = Uint8Array.from(rows, ([, is]) => (is ? 1 : 0));
          const pairs = rows.flatMap(([a, isA]) =>
            rows.flatMap(([b, isB]) => (isA && !isB ? [a > b ? 1 : a === b ? 0.5 : 0] : [])),
          );
          const expected =
            pairs.length === 0 ? null : pairs.reduce((sum: number, one) => sum + one, 0) / pairs.length;
          const found = auroc(rankScores(scores, positive));
          if (expected === null || found === null) expect(found).toBe(expected);
          else expect(found).toBeCloseTo(expected, 10);
        },
      ),
    );
  });

  it('counts a row as often as its weight says', () => {
    const scores = Float64Array.from([1, 2, 3]);
    const ranking = rankScores(scores, Uint8Array.from([0, 1, 0]));
    expect(auroc(ranking, [1, 1, 1])).toBe(0.5);
    expect(auroc(ranking, [3, 1, 1])).toBe(0.75);
    expect(auroc(ranking, [1, 0, 1])).toBeNull();
  });
});

describe('losses', () => {
  it('are those of the definition', () => {
    const scored = { probabilities: Float64Array.from([0.2, 0.8, 1, 0]), labels: [1, 1], classes: 2 };
    expect(logLosses(scored)[0]).toBeCloseTo(-Math.log(0.8), 10);
    expect(logLosses(scored)[1]).toBeCloseTo(-Math.log(1e-7), 10);
    expect([...brierScores(scored)].map((value) => Number(value.toFixed(10)))).toEqual([0.08, 2]);
  });
});

describe('a temperature', () => {
  it('finds out how much too sure a model is, whatever sites its examples lie at', () => {
    const all = predictions(6000, 2);
    const half = (from: number) => ({
      classes: 2,
      labels: all.labels.subarray(from, from + 3000),
      probabilities: all.probabilities.subarray(2 * from, 2 * (from + 3000)),
    });
    const fitted = fitTemperature([all]);
    expect(fitted).toBeCloseTo(2, 0);
    expect(fitTemperature([half(0), half(3000)])).toBeCloseTo(fitted, 6);
  });

  it('changes no decision, and lowers the loss on what it was fitted on', () => {
    const scored = predictions(500, 3);
    const warm = withTemperature(scored, fitTemperature([scored]));
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    expect(sum(logLosses(warm))).toBeLessThan(sum(logLosses(scored)));
    for (let row = 0; row < 500; row++) {
      expect(predictedClass(warm.probabilities, row, 2)).toBe(predictedClass(scored.probabilities, row, 2));
    }
  });
});

describe('the calibration error', () => {
  const error = (count: number, sharp: number) =>
    expectedCalibrationError(reliabilityBins(sortConfidences(predictions(count, sharp)))) ?? Number.NaN;

  it('is next to nothing for a model that says what is so', () => {
    expect(error(20_000, 1)).toBeLessThan(0.01);
  });

  it('takes off much of what chance adds with few examples', () => {
    const plain = (count: number) => {
      const bins = reliabilityBins(sortConfidences(predictions(count, 1)));
      const gaps = bins.map((bin) => bin.count * Math.abs(bin.confidence - bin.accuracy));
      return gaps.reduce((sum, gap) => sum + gap, 0) / count;
    };
    const mean = (of: (count: number) => number) =>
      Array.from({ length: 20 }, (_, at) => of(150 + at)).reduce((sum, value) => sum + value, 0) / 20;
    expect(mean((count) => error(count, 1))).toBeLessThan(0.7 * mean(plain));
  });

  it('shows a model that is too sure', () => {
    expect(error(2000, 4)).toBeGreaterThan(0.08);
  });

  it('has bins of equal mass, and weights as repetitions', () => {
    const scored = predictions(150, 1);
    const bins = reliabilityBins(sortConfidences(scored));
    expect(bins.map(({ count }) => count)).toEqual(new Array(15).fill(10));
    const doubled = reliabilityBins(sortConfidences(scored), new Float64Array(150).fill(2));
    expect(doubled.map(({ accuracy }) => accuracy)).toEqual(bins.map(({ accuracy }) => accuracy));
    expect(expectedCalibrationError([])).toBeNull();
  });
});

describe('the interval of a mean', () => {
  const values = Float64Array.from({ length: 200 }, (_, row) => (row % 4 === 0 ? 1 : 0));
  const alone = indexGroups(Array.from(values.keys(), String));

  it('is about that of the normal distribution where every row is a group', () => {
    const found = meanEstimate(values, alone, { seed: 1 });
    expect(found.value).toBe(0.25);
    const half = 1.96 * Math.sqrt((0.25 * 0.75) / 200);
    expect(found.low).toBeCloseTo(0.25 - half, 1);
    expect(found.high).toBeCloseTo(0.25 + half, 1);
  });

  it('is wider where rows of a group are alike', () => {
    const width = (groups: Groups) => {
      const found = meanEstimate(values, groups, { seed: 1 });
      return (found.high ?? 0) - (found.low ?? 0);
    };
    const twins = Array.from(values.keys(), (row) => `${values[row]} ${Math.floor(row / 40)}`);
    expect(width(indexGroups(twins))).toBeGreaterThan(1.5 * width(alone));
  });

  it('is not known where nothing varies, or there is nothing', () => {
    const same = meanEstimate(new Float64Array(3).fill(2), indexGroups(['a', 'b', 'c']));
    expect(same).toEqual({ value: 2, low: null, high: null });
    expect(meanEstimate([], indexGroups([]))).toEqual({ value: null, low: null, high: null });
  });

  it('is the same with the same seed', () => {
    expect(meanEstimate(values, alone, { seed: 3 })).toEqual(meanEstimate(values, alone, { seed: 3 }));
    expect(meanEstimate(values, alone, { seed: 3 })).not.toEqual(meanEstimate(values, alone, { seed: 4 }));
  });
});

describe('the interval of a share', () => {
  const holds = (
    right: number,
    all: number,
    groups = indexGroups(Array.from({ length: all }, (_, row) => String(row))),
  ) =>
    shareOf(
      Array.from({ length: all }, (_, row) => (row < right ? 1 : 0)),
      groups,
    );

  it("is Wilson's where every row is a group", () => {
    // 8 of 10: 0.4902 to 0.9433 (Brown, Cai and DasGupta, 2001, formula 4).
    expect(holds(8, 10)?.low).toBeCloseTo(0.4902, 3);
    expect(holds(8, 10)?.high).toBeCloseTo(0.9433, 3);
    expect(holds(0, 22)).toMatchObject({ value: 0, low: 0, high: expect.closeTo(0.149, 3) });
    expect(holds(22, 22)).toMatchObject({ value: 1, low: expect.closeTo(0.851, 3), high: 1 });
    expect(holds(0, 0)).toBeNull();
  });

  it('at 0 and 1 takes a group for one row: nothing tells how its rows hang together', () => {
    const groups = indexGroups(Array.from({ length: 44 }, (_, row) => String(row >> 1)));
    expect(holds(0, 44, groups)?.high).toBeGreaterThanOrEqual(holds(0, 22)?.high ?? 1);
  });

  it('of one group says next to nothing', () => {
    const found = holds(20, 40, indexGroups(new Array<string>(40).fill('one')));
    expect((found?.high ?? 0) - (found?.low ?? 0)).toBeGreaterThan(0.75);
  });
});
