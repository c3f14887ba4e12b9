import { otsuOfSample } from '../image/otsu.ts';
import { quantile, sortedSample } from './quantiles.ts';

/** Which stored values are shown black and white, and which are taken for the head. */
export interface Window {
  readonly black: number;
  readonly white: number;
  /** Values above it are foreground. */
  readonly threshold: number;
}

/** Air and its noise may fill most of an image, so black is taken among the dark and white among the bright voxels. */
const BLACK = 0.02;
const WHITE = 0.995;
/** The few voxels above this quantile may be artefacts of any height, and would draw Otsu's threshold to them. */
const HOT = 0.999;

/**
 * The window of one image, whatever its units: black at the 2nd percentile of all, white at the 99.5th percentile of
 * the foreground (above Otsu's threshold). Bright lesions fill more than 0.5 % of a head and keep their contrast.
 * Undefined for an image of one value.
 * @param sorted quantiles of the image, rising
 */
export function findWindow(data: Float32Array, sorted = sortedSample(data)): Window | undefined {
  const most = quantile(sorted, HOT);
  const threshold = otsuOfSample(sorted.map((value) => Math.min(value, most)));
  const foreground = sorted.subarray(sorted.findIndex((value) => value > threshold));
  const window = { black: quantile(sorted, BLACK), white: quantile(foreground, WHITE), threshold };
  return window.white > window.black ? window : undefined;
}

/** A stored value as 0 (black) to 1 (white). */
export function applyWindow(value: number, window: Window): number {
  return Math.min(1, Math.max(0, (value - window.black) / (window.white - window.black)));
}
