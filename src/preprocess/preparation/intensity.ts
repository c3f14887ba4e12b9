import { f32At, f64At } from '../../runtime/base/at.ts';
import { quantile } from '../picture/quantiles.ts';
import { sortFloats } from '../picture/sort-floats.ts';

/** A straight line that values go through: `(value - shift) / scale`, then clipped if there are limits. */
export interface IntensityMap {
  readonly shift: number;
  readonly scale: number;
  readonly limits?: readonly [number, number];
}

/** The `low` percentile becomes 0, the `high` one 1, and what lies beyond is clipped. Undefined where they are the same. */
export function percentileMap(
  values: Float32Array,
  { low, high }: { low: number; high: number },
): IntensityMap | undefined {
  const sorted = sortFloats(values.slice());
  const [black, white] = [quantile(sorted, low / 100), quantile(sorted, high / 100)];
  return white > black ? { shift: black, scale: white - black, limits: [0, 1] } : undefined;
}

/** Mean 0 and standard deviation 1 over `values`. Undefined where they are all the same. */
export function zScoreMap(values: Float32Array): IntensityMap | undefined {
  let [sum, squares] = [0, 0];
  for (let at = 0; at < values.length; at++) sum += f32At(values, at);
  const mean = sum / values.length;
  for (let at = 0; at < values.length; at++) squares += (f32At(values, at) - mean) ** 2;
  const scale = Math.sqrt(squares / values.length);
  return scale > 0 ? { shift: mean, scale } : undefined;
}

const BINS = 256;

/**
 * Normal-appearing white matter of a T1-weighted head becomes 0 with standard deviation 1 (white stripe, Shinohara et al. 2014): the
 * brightest peak of the smoothed histogram, and the values within `width` of its quantile on both sides. Undefined without such a peak.
 */
export function whiteStripeMap(values: Float32Array, width: number): IntensityMap | undefined {
  const sorted = sortFloats(values.slice());
  const peak = brightestPeak(sorted);
  if (peak === undefined) return undefined;
  const at = lowerBound(sorted, peak) / sorted.length;
  const stripe = sorted.subarray(
    Math.floor(Math.max(0, at - width) * sorted.length),
    Math.ceil(Math.min(1, at + width) * sorted.length),
  );
  return zScoreMap(stripe);
}

/** Without the 1 % at the top, where vessels and fat lie. */
function brightestPeak(sorted: Float32Array): number | undefined {
  const [low, high] = [quantile(sorted, 0.01), quantile(sorted, 0.99)];
  if (!(high > low)) return undefined;
  const counts = new Float64Array(BINS);
  for (const value of sorted) {
    const bin = Math.floor(((value - low) / (high - low)) * BINS);
    if (bin >= 0 && bin < BINS) counts[bin] = f64At(counts, bin) + 1;
  }
  const smooth = smoothed(counts, BINS / 32);
  const floor = Math.max(...smooth) * 0.1;
  for (let bin = BINS - 2; bin > 0; bin--) {
    const value = f64At(smooth, bin);
    const isPeak = value >= f64At(smooth, bin - 1) && value > f64At(smooth, bin + 1);
    if (isPeak && value > floor) return low + ((bin + 0.5) / BINS) * (high - low);
  }
  return undefined;
}

function smoothed(counts: Float64Array, sigma: number): Float64Array {
  const reach = Math.ceil(3 * sigma);
  return counts.map((_, bin) => {
    let [sum, weights] = [0, 0];
    for (let step = -reach; step <= reach; step++) {
      if (bin + step < 0 || bin + step >= counts.length) continue;
      const weight = Math.exp(-(step ** 2) / (2 * sigma ** 2));
      sum += weight * f64At(counts, bin + step);
      weights += weight;
    }
    return sum / weights;
  });
}

function lowerBound(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function applyMap(data: Float32Array, { shift, scale, limits }: IntensityMap): Float32Array {
  const [least, most] = limits ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const result = new Float32Array(data.length);
  for (let at = 0; at < data.length; at++)
    result[at] = Math.min(most, Math.max(least, (f32At(data, at) - shift) / scale));
  return result;
}
