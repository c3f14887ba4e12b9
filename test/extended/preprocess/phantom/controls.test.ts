import { beforeAll, describe, expect, it } from 'vitest';
import { voxelSize } from '../../../../src/preprocess/nifti/affine.ts';
import { DIAGNOSES } from '../../../../src/preprocess/phantom/lesion.ts';
import { planParticipants } from '../../../../src/preprocess/phantom/plan.ts';
import { scannerOf } from '../../../../src/preprocess/phantom/scanner.ts';
import { simulate } from '../../../../src/preprocess/phantom/volume.ts';

/**
 * What a scanner, a brightness or a size says about the diagnosis must be next to nothing: multinomial logistic regression on
 * such features, scored on subjects it has not seen (one volume a subject, so folds are by subject).
 */
const CHANCE = 0.25;
const PERCENTILES = [1, 5, 25, 50, 75, 90, 95, 99, 99.5];

interface Case {
  readonly label: number;
  readonly brightness: number[];
  readonly scanner: number[];
}
let cases: Case[] = [];

beforeAll(() => {
  const recipe = { sites: 3, perClass: 16, size: 32, seed: 5 };
  cases = planParticipants(recipe).map(({ id, diagnosis, site }) => {
    const scanner = scannerOf(site);
    const { image } = simulate({ seed: 5, participant: id, diagnosis, scanner, grid: [32, 38, 26] });
    const sorted = Float64Array.from(image.data).sort();
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
    const spread = Math.sqrt(sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sorted.length);
    const ranks = PERCENTILES.map((percent) => sorted[Math.floor((percent / 100) * sorted.length)] ?? 0);
    return {
      label: DIAGNOSES.indexOf(diagnosis),
      brightness: [mean, spread, ...ranks],
      scanner: [...image.shape, ...voxelSize(image.affine), scanner.gain, scanner.noise, scanner.field, site],
    };
  });
});

describe('the diagnosis does not follow', () => {
  it('from the brightness of the volume', () => {
    expect(crossValidated((one) => one.brightness)).toBeLessThan(CHANCE + 0.1);
  });

  it('from brightness relative to the mean', () => {
    expect(
      crossValidated((one) => one.brightness.map((value) => value / (one.brightness[0] ?? 1))),
    ).toBeLessThan(CHANCE + 0.1);
  });

  it('from the scanner, the size of the image or the site', () => {
    expect(crossValidated((one) => one.scanner)).toBeLessThan(CHANCE + 0.1);
  });

  it('from all of them together', () => {
    expect(crossValidated((one) => [...one.brightness, ...one.scanner])).toBeLessThan(CHANCE + 0.1);
  });
});

it('the control can learn: a feature that tells gliomas is found', () => {
  expect(crossValidated((one) => [...one.brightness, one.label === 0 ? 1 : 0])).toBeGreaterThan(
    CHANCE + 0.15,
  );
});

/** Share of right answers over five folds. */
function crossValidated(features: (one: Case) => number[]): number {
  const folds = 5;
  let right = 0;
  for (let fold = 0; fold < folds; fold++) {
    const train = cases.filter((_, at) => at % folds !== fold);
    const scale = standardiser(train.map(features));
    const weights = regress(
      train.map((one) => scale(features(one))),
      train.map(({ label }) => label),
    );
    const test = cases.filter((_, at) => at % folds === fold);
    right += test.filter((one) => best(scores(weights, scale(features(one)))) === one.label).length;
  }
  return right / cases.length;
}

/** Zero mean and unit variance on the training cases, with a constant 1 for the intercept. */
function standardiser(rows: number[][]): (row: number[]) => number[] {
  const moments = (rows[0] ?? []).map((_, at) => {
    const column = rows.map((row) => row[at] ?? 0);
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    const spread = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length);
    return { mean, spread: spread || 1 };
  });
  return (row) => [1, ...moments.map(({ mean, spread }, at) => ((row[at] ?? 0) - mean) / spread)];
}

/** Softmax regression by gradient descent, with a little weight decay. */
function regress(rows: number[][], labels: number[]): number[][] {
  const weights = DIAGNOSES.map(() => (rows[0] ?? []).map(() => 0));
  for (let step = 0; step < 200; step++) {
    const slopes = weights.map((row) => row.map((value) => 1e-3 * value));
    for (const [at, row] of rows.entries()) {
      const shares = softmax(scores(weights, row));
      for (const [label, slope] of slopes.entries()) {
        const error = ((shares[label] ?? 0) - (labels[at] === label ? 1 : 0)) / rows.length;
        for (const [feature, value] of row.entries()) slope[feature] = (slope[feature] ?? 0) + error * value;
      }
    }
    for (const [label, row] of weights.entries()) {
      for (const feature of row.keys())
        row[feature] = (row[feature] ?? 0) - 0.5 * (slopes[label]?.[feature] ?? 0);
    }
  }
  return weights;
}

function scores(weights: number[][], row: number[]): number[] {
  return weights.map((weight) => weight.reduce((sum, value, at) => sum + value * (row[at] ?? 0), 0));
}

function softmax(values: number[]): number[] {
  const top = Math.max(...values);
  const raised = values.map((value) => Math.exp(value - top));
  const sum = raised.reduce((total, value) => total + value, 0);
  return raised.map((value) => value / sum);
}

function best(values: number[]): number {
  return values.indexOf(Math.max(...values));
}
