import { sortFloats } from './sort-floats.ts';

/** Enough for a tail of 0.5 % to hold 300 voxels. */
const SAMPLES = 65_536;

/** Every n-th voxel, at most 65 536 of them, in rising order: quantiles of it are those of the image to 0.1 %. */
export function sortedSample(data: Float32Array): Float32Array {
  const step = Math.max(1, Math.ceil(data.length / SAMPLES));
  const sample = new Float32Array(Math.ceil(data.length / step));
  for (let index = 0; index < sample.length; index++) sample[index] = data[index * step] ?? 0;
  return sortFloats(sample);
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
