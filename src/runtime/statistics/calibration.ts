import { f64At, u8At } from '../base/at.ts';
import { predictedClass, type Scored } from './probabilities.ts';

/** Examples with like confidence. */
export interface ReliabilityBin {
  /** Examples, or their weight. */
  readonly count: number;
  /** Mean probability of the predicted class. */
  readonly confidence: number;
  /** Share of right predictions. */
  readonly accuracy: number;
}

export const CALIBRATION_BINS = 15;

/** Rows in the order of their confidence, made once for many weightings. */
export interface Confidences {
  readonly order: Int32Array;
  readonly confidence: Float64Array;
  readonly right: Uint8Array;
}

export function sortConfidences({ probabilities, labels, classes }: Scored): Confidences {
  const predicted = Int32Array.from(labels, (_, row) => predictedClass(probabilities, row, classes));
  const confidence = Float64Array.from(predicted, (label, row) =>
    f64At(probabilities, row * classes + label),
  );
  const right = Uint8Array.from(predicted, (label, row) => (label === labels[row] ? 1 : 0));
  const order = Int32Array.from(predicted.keys()).sort(
    (a, b) => f64At(confidence, a) - f64At(confidence, b) || a - b,
  );
  return { order, confidence, right };
}

/**
 * Bins of equal mass in the order of confidence; rows of equal confidence may fall into two. Empty bins are left out.
 * @param counts how often each row counts; default once
 */
export function reliabilityBins(sorted: Confidences, counts?: ArrayLike<number>): ReliabilityBin[] {
  const { order, confidence, right } = sorted;
  const total = counts ? Array.from(counts).reduce((sum, count) => sum + count, 0) : order.length;
  const sums = Array.from({ length: CALIBRATION_BINS }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  let before = 0;
  for (const row of order) {
    const weight = counts ? (counts[row] as number) : 1;
    if (weight === 0) continue;
    const bin = sums[Math.min(CALIBRATION_BINS - 1, Math.floor((before / total) * CALIBRATION_BINS))];
    before += weight;
    if (!bin) continue;
    bin.count += weight;
    bin.confidence += weight * f64At(confidence, row);
    bin.accuracy += weight * u8At(right, row);
  }
  return sums
    .filter(({ count }) => count > 0)
    .map(({ count, confidence: sum, accuracy }) => ({
      count,
      confidence: sum / count,
      accuracy: accuracy / count,
    }));
}

/**
 * Expected calibration error of the predicted class over `reliabilityBins`, debiased: few examples a bin make a perfect model look
 * uncalibrated, so each bin's gap is lowered by what chance adds to it on average, taken from the normal distribution around the gap
 * (Kumar, Liang and Ma, "Verified uncertainty calibration", 2019, and its code for the absolute error). Null without examples.
 */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const error = bins.reduce((sum, bin) => sum + (bin.count / total) * gapWithoutNoise(bin), 0);
  return Math.max(0, error);
}

/** How far a bin's confidence is from its accuracy, less what chance adds to that; under 0 where there is less than chance. */
export function gapWithoutNoise({ count, confidence, accuracy }: ReliabilityBin): number {
  const gap = Math.abs(confidence - accuracy);
  const noise = Math.sqrt((accuracy * (1 - accuracy)) / count);
  return 2 * gap - foldedMean(gap, noise);
}

/** Mean of |N(mean, deviation)|. */
function foldedMean(mean: number, deviation: number): number {
  if (deviation === 0) return mean;
  const ratio = mean / deviation;
  return (
    deviation * Math.sqrt(2 / Math.PI) * Math.exp(-(ratio ** 2) / 2) +
    mean * errorFunction(ratio / Math.SQRT2)
  );
}

/** Abramowitz and Stegun, 7.1.26: to 1.5e-7 for x >= 0. */
function errorFunction(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 1 - series * Math.exp(-x * x);
}
