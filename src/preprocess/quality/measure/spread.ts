import { f32At } from '../../../runtime/base/at.ts';
import { sortFloats } from '../../picture/sort-floats.ts';

/** Of a normal distribution the standard deviation over the median absolute deviation. */
export const NORMAL_MAD = 1.4826;

export interface Spread {
  readonly median: number;
  /** Over `count - 1`; 0 of one value. */
  readonly deviation: number;
  /** Median absolute deviation, scaled to the standard deviation of normal noise. */
  readonly mad: number;
}

/** Undefined for no values. */
export function spreadOf(values: Float32Array): Spread | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  let sum = 0;
  for (let at = 0; at < count; at++) sum += f32At(values, at);
  const mean = sum / count;
  let squares = 0;
  for (let at = 0; at < count; at++) squares += (f32At(values, at) - mean) ** 2;
  const sorted = values.slice();
  const median = medianOf(sorted);
  const mad = NORMAL_MAD * medianOf(sorted.map((value) => Math.abs(value - median)));
  return { median, deviation: Math.sqrt(squares / Math.max(1, count - 1)), mad };
}

/** Of an even number of values the mean of the middle two; NaN for none. Puts the values in order, in place. */
export function medianOf(values: Float32Array): number {
  const sorted = sortFloats(values);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? f32At(sorted, half) : (f32At(sorted, half - 1) + f32At(sorted, half)) / 2;
}

/** Between the two nearest ranks, as NumPy has it by default. */
export function percentileOfSorted(sorted: Float32Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return f32At(sorted, below) + (place - below) * (f32At(sorted, above) - f32At(sorted, below));
}
