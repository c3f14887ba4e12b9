import { countFloats, sortFloats } from './sort-floats.ts';

/** Enough for a tail of 0.5 % to hold 300 voxels. */
const SAMPLES = 65_536;

/**
 * All voxels in rising order, or 65 536 evenly spaced ranks of that order: quantiles of it are those of the image, whatever its shape, and
 * the same whichever way the voxels are stored. (Every n-th voxel of the file would be one column of voxels where n is the length of a row.)
 */
export function sortedSample(data: Float32Array): Float32Array {
  if (data.length <= SAMPLES) return sortFloats(data.slice());
  const ranks = Float64Array.from({ length: SAMPLES }, (_, at) =>
    Math.round((at * (data.length - 1)) / (SAMPLES - 1)),
  );
  return countFloats(data, ranks) ?? takeRanks(sortFloats(data.slice()), ranks);
}

function takeRanks(sorted: Float32Array, ranks: Float64Array): Float32Array {
  return Float32Array.from(ranks, (rank) => sorted[rank] as number);
}

/** Value below which `fraction` of a sorted sample lies. */
export function quantile(sorted: Float32Array, fraction: number): number {
  return sorted[Math.round(fraction * (sorted.length - 1))] ?? 0;
}

/**
 * The value that best parts a sorted sample into dark and bright (Otsu, "A threshold selection method from gray-level
 * histograms", 1979), here over the sample itself instead of a histogram.
 */
export function otsuThreshold(sorted: Float32Array): number {
  const count = sorted.length;
  const total = sorted.reduce((sum, value) => sum + value, 0);
  let best = { spread: -1, threshold: sorted[0] ?? 0 };
  let below = 0;
  for (let index = 1; index < count; index++) {
    const value = sorted[index] ?? 0;
    const previous = sorted[index - 1] ?? 0;
    below += previous;
    if (value === previous) continue;
    const difference = below / index - (total - below) / (count - index);
    const spread = index * (count - index) * difference * difference;
    if (spread > best.spread) best = { spread, threshold: (previous + value) / 2 };
  }
  return best.threshold;
}
