import { f64At, i32At } from '../base/at.ts';
import { createRandom } from '../base/random.ts';
import { type Estimate, type Groups, UNDEFINED } from './figure.ts';

export interface ResamplingOptions {
  readonly seed?: number;
  /** Default 2000. */
  readonly replicates?: number;
  /** Share of the draws that lie beyond each bound. Default 0.025: a two-sided 95 % interval. */
  readonly tail?: number;
}

/** Between which values a figure lies; default from 0 up. */
export interface FigureRange {
  readonly least?: number;
  readonly most?: number;
}

/** The mean of values that may be skewed, as losses are, with the interval of `ratioEstimate`. */
export function meanEstimate(
  values: ArrayLike<number>,
  groups: Groups,
  options: ResamplingOptions & FigureRange = {},
): Estimate {
  return ratioEstimate({ above: values, below: new Uint8Array(values.length).fill(1) }, groups, options);
}

/**
 * A sum over another, as a Dice of many images is, with the studentized bootstrap's 95 % interval over whole groups (Efron and Tibshirani, "An
 * introduction to the bootstrap", 1993, 12.5; clusters as in Davison and Hinkley, 1997, 3.8): images of one patient rise and fall together, so
 * patients are drawn, not images. The bounds are null where the rows do not vary, and nothing can be said; the value, too, where there is
 * nothing below.
 * @param rows.above [rows]
 * @param rows.below [rows], none negative
 */
export function ratioEstimate(
  { above, below }: { readonly above: ArrayLike<number>; readonly below: ArrayLike<number> },
  groups: Groups,
  {
    seed = 0,
    replicates = 2000,
    tail = 0.025,
    least = 0,
    most = Number.POSITIVE_INFINITY,
  }: ResamplingOptions & FigureRange = {},
): Estimate {
  const [sums, sizes] = [new Float64Array(groups.count), new Float64Array(groups.count)];
  for (let row = 0; row < above.length; row++) {
    const group = i32At(groups.of, row);
    sums[group] = f64At(sums, group) + (above[row] as number);
    sizes[group] = f64At(sizes, group) + (below[row] as number);
  }
  if (!sizes.some((size) => size > 0)) return UNDEFINED;
  const all = Array.from(sums.keys());
  const { mean: value, error } = meanOf(all, sums, sizes);
  if (!(error > 0)) return { value, low: null, high: null };
  const random = createRandom('bootstrap', seed);
  const ratios: number[] = [];
  for (let replicate = 0; replicate < replicates; replicate++) {
    const drawn = meanOf(
      all.map(() => random.int(groups.count)),
      sums,
      sizes,
    );
    if (drawn.error > 0) ratios.push((drawn.mean - value) / drawn.error);
  }
  const sorted = Float64Array.from(ratios).sort();
  if (sorted.length === 0) return { value, low: null, high: null };
  return {
    value,
    low: Math.min(value, Math.max(least, value - error * percentileOf(sorted, 1 - tail))),
    high: Math.max(value, Math.min(most, value - error * percentileOf(sorted, tail))),
  };
}

/** Sum over sum of some groups, and its standard error over groups. */
function meanOf(
  drawn: readonly number[],
  sums: Float64Array,
  sizes: Float64Array,
): { mean: number; error: number } {
  let [sum, rows] = [0, 0];
  for (const group of drawn) {
    sum += f64At(sums, group);
    rows += f64At(sizes, group);
  }
  const mean = sum / rows;
  let squares = 0;
  for (const group of drawn) squares += (f64At(sums, group) - mean * f64At(sizes, group)) ** 2;
  const scale = drawn.length > 1 ? drawn.length / (drawn.length - 1) : 0;
  return { mean, error: Math.sqrt(squares * scale) / rows };
}

/** Between the two nearest values, as numpy's default. */
function percentileOf(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (at - Math.floor(at)) * (above - below);
}
