import { f32At } from '../../runtime/base/at.ts';
import { countCoarsely, countFloats, sortFloats } from './sort-floats.ts';

/** Enough for a tail of 0.5 % to hold 300 voxels. */
const SAMPLES = 65_536;

/**
 * All voxels in rising order, or 65 536 evenly spaced ranks of that order: quantiles of it are those of the image, whatever its shape, and
 * the same whichever way the voxels are stored. (Every n-th voxel of the file would be one column of voxels where n is the length of a row.)
 */
export function sortedSample(data: Float32Array): Float32Array {
  if (data.length <= SAMPLES) return sortFloats(data.slice());
  const ranks = evenRanks(data.length);
  return countFloats(data, ranks) ?? takeRanks(sortFloats(data.slice()), ranks);
}

/** As `sortedSample`, each value within 1/8192 of itself, without a sort: enough for a threshold. */
export function coarseSample(data: Float32Array): Float32Array {
  if (data.length <= SAMPLES) return sortFloats(data.slice());
  return countCoarsely(data, evenRanks(data.length));
}

function evenRanks(length: number): Float64Array {
  return Float64Array.from({ length: SAMPLES }, (_, at) => Math.round((at * (length - 1)) / (SAMPLES - 1)));
}

function takeRanks(sorted: Float32Array, ranks: Float64Array): Float32Array {
  return Float32Array.from(ranks, (rank) => f32At(sorted, rank));
}

/** Value below which `fraction` of a sorted sample lies. */
export function quantile(sorted: Float32Array, fraction: number): number {
  return sorted[Math.round(fraction * (sorted.length - 1))] ?? 0;
}
