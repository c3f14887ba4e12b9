import { f32At, f64At, i32At, numberAt, u8At } from '../base/at.ts';
import { createRandom, type Random } from '../base/random.ts';
import {
  type Confidences,
  expectedCalibrationError,
  gapWithoutNoise,
  type ReliabilityBin,
  reliabilityBins,
} from './calibration.ts';
import type { Estimate, Groups } from './figure.ts';

export interface CalibrationOptions {
  readonly seed?: number;
  /** Samples drawn of each model that is tried; default 400. */
  readonly replicates?: number;
}

/** Of samples on one side of the estimate, at each end of a 95 % interval. */
const TAIL = 0.025;
/** Halvings of the range that a bound is looked for in: to a thousandth of it. */
const STEPS = 10;
/** Sums of the same terms in another order differ by less. */
const ROUNDING = 1e-12;
const MOST_REPLICATES = 400;
const LEAST_REPLICATES = 100;
/** Chances that are kept: 16 MB. */
const MOST_CHANCES = 4e6;

/**
 * Expected calibration error with its 95 % interval: the errors of all those models for which the estimate is none of the 2.5 % lowest or
 * highest of the samples that they would give (test inversion: Carpenter, "Test inversion bootstrap confidence intervals", 1999). Samples are drawn as
 * in consistency resampling (Broecker and Smith, "Increasing the reliability of reliability diagrams", 2007): confidences stay, and rows come out right as
 * often as the model in question is right; rows of one group rise and fall together as in the data. A bootstrap of the data does not do:
 * its samples look less calibrated than the data, and its interval may leave out the estimate and a perfect model's zero.
 *
 * Models are tried whose confidence is off by the same amount everywhere, which is hardest to see, by a multiple of what the bins
 * show, and in the worst third of the bins alone, which is easiest to see; the interval holds those of all kinds. Null without rows.
 */
export function calibrationError(
  sorted: Confidences,
  groups: Groups,
  { seed = 0, replicates = MOST_REPLICATES }: CalibrationOptions = {},
): Estimate {
  const bins = reliabilityBins(sorted);
  const value = expectedCalibrationError(bins);
  if (value === null) return { value, low: null, high: null };
  const { order, confidence } = sorted;
  const rows: SortedRows = {
    confidence: Float64Array.from(order, (row) => f64At(confidence, row)),
    right: Uint8Array.from(order, (row) => u8At(sorted.right, row)),
    group: Int32Array.from(order, (row) => i32At(groups.of, row)),
    starts: startsOf(bins),
  };
  const alike = likenessInGroups(rows, groups.count);
  return inverted({ rows, bins, groups: groups.count, alike, value }, { seed, replicates });
}

/**
 * As `calibrationError`, of bins alone: each row has the confidence of its bin, and rows of one person are taken to lie in one bin, where they weigh most.
 * @param likeness how far rows of a person come out alike, and how many there are of the person of a row
 */
export function calibrationErrorOfBins(
  bins: readonly ReliabilityBin[],
  { alike, most }: { readonly alike: number; readonly most: number },
  { seed = 0, replicates = MOST_REPLICATES }: CalibrationOptions = {},
): Estimate {
  const value = expectedCalibrationError(bins);
  if (value === null) return { value, low: null, high: null };
  const size = Math.max(1, Math.round(most));
  const starts = startsOf(bins);
  let groups = 0;
  const group = bins.flatMap(({ count }) => {
    const first = groups;
    groups += Math.ceil(count / size);
    return Array.from({ length: count }, (_, row) => first + Math.floor(row / size));
  });
  const rows = {
    confidence: Float64Array.from(
      bins.flatMap(({ count, confidence }) => new Array<number>(count).fill(confidence)),
    ),
    group: Int32Array.from(group),
    starts,
  };
  return inverted({ rows, bins, groups, alike: most > 1 ? alike : 0, value }, { seed, replicates });
}

interface Inverted {
  readonly rows: Omit<SortedRows, 'right'>;
  readonly bins: readonly ReliabilityBin[];
  readonly groups: number;
  readonly alike: number;
  readonly value: number;
}

function inverted(
  { rows, bins, groups, alike, value }: Inverted,
  { seed, replicates }: Required<CalibrationOptions>,
): Estimate {
  const random = createRandom('calibration', seed);
  const length = rows.group.length;
  const room = Math.max(LEAST_REPLICATES, Math.floor(MOST_CHANCES / length));
  const count = Math.min(replicates, MOST_REPLICATES, room);
  const chances = drawChances(rows, groups, { alike, random, count });
  const terms = errorTerms(bins);
  const ranges = shapesOf(bins).map((shape) => {
    const tried = (amount: number) => tryModel({ rows, shape, amount, chances, terms, value });
    return { low: lowerBound(tried), high: upperBound(tried) };
  });
  return {
    value,
    low: Math.min(value, ...ranges.map(({ low }) => low)),
    high: Math.max(value, ...ranges.map(({ high }) => high)),
  };
}

/** Rows in the order of their confidence, so that each bin is a stretch of them. */
interface SortedRows {
  readonly confidence: Float64Array;
  readonly right: Uint8Array;
  readonly group: Int32Array;
  /** Where each bin begins, and the end of the last. */
  readonly starts: readonly number[];
}

function startsOf(bins: readonly ReliabilityBin[]): number[] {
  const starts = [0];
  for (const { count } of bins) starts.push((starts.at(-1) ?? 0) + count);
  return starts;
}

/** How far confidence is off in each bin, by shape: to be multiplied by an amount. */
function shapesOf(bins: readonly ReliabilityBin[]): number[][] {
  const gaps = bins.map(({ confidence, accuracy }) => confidence - accuracy);
  const side = (gap: number) => (gap < 0 ? -1 : 1);
  const whole = bins.reduce((sum, { count }, bin) => sum + count * numberAt(gaps, bin), 0);
  const sizes = gaps.map(Math.abs);
  const most = Math.max(...sizes);
  const large = sizes.toSorted((a, b) => b - a)[Math.ceil(sizes.length / 3) - 1] ?? 0;
  return [
    gaps.map(() => side(whole)),
    most === 0 ? gaps.map(() => 1) : gaps.map((gap) => gap / most),
    gaps.map((gap) => (Math.abs(gap) >= large ? side(gap) : 0)),
  ];
}

/** How far two rows of one group come out right together, 0 to 1; near 1 where few errors tell of it. */
function likenessInGroups({ right, group, starts }: SortedRows, count: number): number {
  const [sums, squares, spreads, variances] = Array.from({ length: 4 }, () => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [sizes, wrong] = [new Float64Array(count), new Uint8Array(count)];
  for (let bin = 0; bin + 1 < starts.length; bin++) {
    const [from, to] = [numberAt(starts, bin), numberAt(starts, bin + 1)];
    const share = right.subarray(from, to).reduce((sum, one) => sum + one, 0) / (to - from);
    const variance = share * (1 - share);
    for (let row = from; row < to; row++) {
      const own = i32At(group, row);
      const off = u8At(right, row) - share;
      sums[own] = f64At(sums, own) + off;
      squares[own] = f64At(squares, own) + off ** 2;
      spreads[own] = f64At(spreads, own) + Math.sqrt(variance);
      variances[own] = f64At(variances, own) + variance;
      sizes[own] = f64At(sizes, own) + 1;
      if (right[row] !== 1) wrong[own] = 1;
    }
  }
  if (sizes.every((size) => size < 2)) return 0;
  const together = sums.reduce((sum, own, at) => sum + own ** 2 - f64At(squares, at), 0);
  const most = spreads.reduce((sum, own, at) => sum + own ** 2 - f64At(variances, at), 0);
  const known = most > 0 ? Math.min(1, Math.max(0, together / most)) : 1;
  const rare = wrong.reduce((sum, one) => sum + one, 0);
  return (rare * known + 1) / (rare + 1);
}

/** [sample, row]: a row comes out right where its chance is under its share. Rows of a group have one chance in common as often as they are alike. */
function drawChances(
  { group }: Pick<SortedRows, 'group'>,
  groups: number,
  { alike, random, count }: { alike: number; random: Random; count: number },
): Float32Array {
  const rows = group.length;
  const shared = Math.sqrt(alike);
  const chances = new Float32Array(count * rows);
  const common = new Float64Array(groups);
  for (let sample = 0; sample < count; sample++) {
    if (shared > 0) for (let one = 0; one < groups; one++) common[one] = random.next();
    for (let row = 0; row < rows; row++) {
      const own = random.next();
      const joins = shared > 0 && random.next() < shared;
      chances[sample * rows + row] = joins ? f64At(common, i32At(group, row)) : own;
    }
  }
  return chances;
}

/** [bin][rows that come out right]: what the bin adds to the estimate. */
function errorTerms(bins: readonly ReliabilityBin[]): Float64Array[] {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.map((bin) =>
    Float64Array.from(
      { length: bin.count + 1 },
      (_, right) => (bin.count / total) * gapWithoutNoise({ ...bin, accuracy: right / bin.count }),
    ),
  );
}

/** A model that is off by so much of a shape: its error, and the shares of its samples whose estimate is at or over, and at or under, that of the data. */
interface Tried {
  readonly error: number;
  readonly over: number;
  readonly under: number;
}

function tryModel(what: {
  rows: Omit<SortedRows, 'right'>;
  shape: readonly number[];
  amount: number;
  chances: Float32Array;
  terms: readonly Float64Array[];
  value: number;
}): Tried {
  const { rows, shape, amount, chances, terms, value } = what;
  const { confidence, starts } = rows;
  const count = confidence.length;
  const shares = new Float32Array(count);
  let error = 0;
  for (const [bin, off] of shape.entries()) {
    let gap = 0;
    for (let row = numberAt(starts, bin); row < numberAt(starts, bin + 1); row++) {
      const own = f64At(confidence, row);
      shares[row] = Math.min(1, Math.max(0, own - amount * off));
      gap += own - f32At(shares, row);
    }
    error += Math.abs(gap) / count;
  }
  const samples = chances.length / count;
  let [over, under] = [0, 0];
  for (let sample = 0; sample < samples; sample++) {
    let estimate = 0;
    for (let bin = 0; bin < terms.length; bin++) {
      let right = 0;
      const to = numberAt(starts, bin + 1);
      for (let row = numberAt(starts, bin), at = sample * count + row; row < to; row++, at++)
        if (f32At(chances, at) < f32At(shares, row)) right++;
      estimate += f64At(terms[bin] as Float64Array, right);
    }
    estimate = Math.max(0, estimate);
    if (estimate >= value - ROUNDING) over++;
    if (estimate <= value + ROUNDING) under++;
  }
  return { error, over: over / samples, under: under / samples };
}

function lowerBound(tried: (amount: number) => Tried): number {
  if (tried(0).over >= TAIL) return 0;
  let [low, high] = [0, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (tried(middle).over >= TAIL) high = middle;
    else low = middle;
  }
  return tried(low).error;
}

function upperBound(tried: (amount: number) => Tried): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (tried(middle).under >= TAIL) low = middle;
    else high = middle;
  }
  return tried(high).error;
}
