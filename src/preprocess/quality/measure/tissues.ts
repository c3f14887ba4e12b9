import { f32At, f64At } from '../../../runtime/base/at.ts';
import { sortFloats } from '../../picture/sort-floats.ts';
import { because, type Undefined } from '../outcome.ts';
import { percentileOfSorted } from './spread.ts';

/** Mean and standard deviation of what a voxel of one tissue shows. */
export interface Tissue {
  readonly mean: number;
  readonly deviation: number;
  /** Of the voxels, 0 to 1. */
  readonly share: number;
}

/** By the contrast of an image. */
export interface Tissues {
  readonly csf: Tissue;
  readonly grey: Tissue;
  readonly white: Tissue;
}

/** From dark to bright (at 1.5 and 3 T, in adults). */
const ORDER: Readonly<Record<string, readonly (keyof Tissues)[]>> = {
  T1w: ['csf', 'grey', 'white'],
  T2w: ['white', 'grey', 'csf'],
  FLAIR: ['csf', 'white', 'grey'],
};

export const CONTRASTS: readonly string[] = Object.keys(ORDER);

const BINS = 512;
const CUT = 0.002;
const MOST_STEPS = 500;
const STILL = 1e-7;
const LEAST_VOXELS = 1000;
const LEAST_SHARE = 0.02;
/** Between means of neighbours, in standard deviations of both together. */
const LEAST_GAP = 0.5;

/**
 * Three tissues by a mixture of three normal distributions, fitted to the values of the inner head by expectation and maximisation
 * (Dempster, Laird and Rubin 1977). MRIQC has them from FSL's FAST.
 */
export function tissuesOf(values: Float32Array, suffix: string): Tissues | Undefined {
  const order = ORDER[suffix];
  if (!order) return because(`tissues are told apart in ${CONTRASTS.join(', ')} alone`);
  if (values.length < LEAST_VOXELS)
    return because('the inner of the head has too few voxels to tell tissues apart');
  const { fitted, isBetter } = fitThree(values);
  const apart =
    isBetter &&
    fitted.every((one, at) => {
      const next = fitted[at + 1];
      const isThere = one.share >= LEAST_SHARE && one.deviation > 0;
      return isThere && (!next || next.mean - one.mean > LEAST_GAP * (one.deviation + next.deviation));
    });
  if (!apart) return because('no three tissues stand apart in the inner of the head');
  const of = (name: keyof Tissues) => fitted[order.indexOf(name)] as Tissue;
  return { csf: of('csf'), grey: of('grey'), white: of('white') };
}

/** From dark to bright, and whether they tell more of the values than one normal distribution does. */
function fitThree(values: Float32Array): { fitted: Tissue[]; isBetter: boolean } {
  const sorted = sortFloats(values.slice());
  const [low, high] = [percentileOfSorted(sorted, CUT), percentileOfSorted(sorted, 1 - CUT)];
  const step = (high - low) / BINS || 1;
  const counts = new Float64Array(BINS);
  for (let at = 0; at < sorted.length; at++) {
    const bin = Math.floor((f32At(sorted, at) - low) / step);
    if (bin >= 0 && bin < BINS) counts[bin] = f64At(counts, bin) + 1;
  }
  let mixture = firstGuess(counts);
  for (let round = 0; round < MOST_STEPS; round++) {
    const next = improved(counts, mixture);
    const moved = next.reduce((most, one, at) => {
      const before = mixture[at];
      return before ? Math.max(most, Math.abs(one.mean - before.mean) / BINS) : most;
    }, 0);
    mixture = next;
    if (moved < STILL) break;
  }
  const fitted = mixture
    .map(({ mean, deviation, share }) => ({
      mean: low + (mean + 0.5) * step,
      deviation: deviation * step,
      share,
    }))
    .sort((a, b) => a.mean - b.mean);
  const gain = likelihood(counts, mixture) - likelihood(counts, [oneOf(counts)]);
  return { fitted, isBetter: gain > LEAST_GAIN * values.length };
}

/** Logarithm of the likelihood that three normal distributions must win over one, a voxel: what a cut tail or a slight skew wins is less. */
const LEAST_GAIN = 0.02;

/** Logarithm of the likelihood, but for a constant. */
function likelihood(counts: Float64Array, mixture: readonly Tissue[]): number {
  return counts.reduce((sum, count, bin) => {
    const density = mixture.reduce((total, one) => total + densityOf(one, bin), 0);
    return count > 0 ? sum + count * Math.log(density) : sum;
  }, 0);
}

function densityOf({ mean, deviation, share }: Tissue, bin: number): number {
  return (share / deviation) * Math.exp(-0.5 * ((bin - mean) / deviation) ** 2);
}

function oneOf(counts: Float64Array): Tissue {
  const [own] = sumsByNearest(counts, [0]);
  const { count = 1, sum = 0, squares = 0 } = own ?? {};
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(1, squares / count - mean * mean)), share: 1 };
}

/** Three means that Lloyd's steps do not move any more, from quantiles; in bins. */
function firstGuess(counts: Float64Array): Tissue[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const quantile = (share: number) => {
    let below = 0;
    return counts.findIndex((count) => {
      below += count;
      return below >= share * total;
    });
  };
  let means = [quantile(0.1), quantile(0.4), quantile(0.8)];
  let own = sumsByNearest(counts, means);
  for (let round = 0; round < 100; round++) {
    const next = own.map(({ count, sum }, at) => (count > 0 ? sum / count : (means[at] ?? 0)));
    if (next.every((mean, at) => mean === means[at])) break;
    means = next;
    own = sumsByNearest(counts, means);
  }
  return own.map(({ count, squares }, at) => {
    const mean = means[at] ?? 0;
    const variance = count > 0 ? squares / count - mean * mean : 0;
    return { mean, deviation: Math.sqrt(Math.max(1, variance)), share: count / total };
  });
}

function sumsByNearest(counts: Float64Array, means: readonly number[]) {
  const sums = means.map(() => ({ count: 0, sum: 0, squares: 0 }));
  for (let bin = 0; bin < counts.length; bin++) {
    const distances = means.map((mean) => Math.abs(bin - mean));
    const nearest = sums[distances.indexOf(Math.min(...distances))];
    const count = f64At(counts, bin);
    if (!nearest || count === 0) continue;
    nearest.count += count;
    nearest.sum += count * bin;
    nearest.squares += count * bin * bin;
  }
  return sums;
}

function improved(counts: Float64Array, mixture: readonly Tissue[]): Tissue[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const sums = mixture.map(() => ({ weight: 0, first: 0, second: 0 }));
  const densities = new Float64Array(mixture.length);
  for (let bin = 0; bin < counts.length; bin++) {
    const count = f64At(counts, bin);
    if (count === 0) continue;
    let all = 0;
    for (const [at, one] of mixture.entries()) {
      const density = densityOf(one, bin);
      densities[at] = density;
      all += density;
    }
    for (const [at, sum] of sums.entries()) {
      const weight = all > 0 ? (count * f64At(densities, at)) / all : 0;
      sum.weight += weight;
      sum.first += weight * bin;
      sum.second += weight * bin * bin;
    }
  }
  return sums.map(({ weight, first, second }, at) => {
    const mean = weight > 0 ? first / weight : (mixture[at]?.mean ?? 0);
    const variance = weight > 0 ? second / weight - mean * mean : 0;
    return { mean, deviation: Math.sqrt(Math.max(0.01, variance)), share: weight / total };
  });
}
