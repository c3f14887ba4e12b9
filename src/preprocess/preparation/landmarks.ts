/**
 * Intensity standardisation by landmarks, as pure arithmetic: Nyul and Udupa 1999 (Magn Reson Med 42:1072), with the landmarks of Nyul, Udupa
 * and Zhang 2000 (IEEE TMI 19:143) at the percentiles of Shah et al. 2011 (Med Image Anal 15:267).
 *
 * To fit a scale: `landmarksOf` the values inside the head of each training image, `sumsOf` those, `addSums` over all images, `meanScale`.
 * Sums of several sites add up to the sums of all images, so that a federation needs nothing but them.
 * To bring an image to a scale: `applyKnots(data, knotsOf(landmarksOf(values inside its head), scale))`.
 */
import { f32At, f64At } from '../../runtime/base/at.ts';
import { quantile } from '../picture/quantiles.ts';
import { sortFloats } from '../picture/sort-floats.ts';

/** Where landmarks lie, in percent of the voxels of the head. */
export const LANDMARK_PERCENTILES = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99] as const;

/** Where the first and the last landmark of every image come to lie. */
const SCALE_ENDS = [0, 100] as const;

/** Values at `LANDMARK_PERCENTILES`, rising; some may be the same, but not all. */
export type Landmarks = readonly number[];

/** Undefined where the first and the last are the same: there is no contrast to bring to a scale. `values` in any order, none NaN. */
export function landmarksOf(values: Float32Array): Landmarks | undefined {
  if (values.length === 0) return undefined;
  const sorted = sortFloats(values.slice());
  const landmarks = LANDMARK_PERCENTILES.map((percent) => quantile(sorted, percent / 100));
  return lastOf(landmarks) > firstOf(landmarks) ? landmarks : undefined;
}

/** What is known of the images that a scale is fitted to: as many numbers for a thousand of them as for one. */
export interface ScaleSums {
  readonly images: number;
  /** Of each landmark, after the image's own were brought to the ends of the scale by a straight line. */
  readonly sums: readonly number[];
}

/** Of one image. */
export function sumsOf(landmarks: Landmarks): ScaleSums {
  const [least, most] = [firstOf(landmarks), lastOf(landmarks)];
  const [low, high] = SCALE_ENDS;
  const sums = landmarks.map((value) => low + ((value - least) / (most - least)) * (high - low));
  return { images: 1, sums };
}

/** Of the images of both. */
export function addSums(one: ScaleSums, other: ScaleSums): ScaleSums {
  const sums = one.sums.map((sum, at) => sum + (other.sums[at] ?? 0));
  return { images: one.images + other.images, sums };
}

/** The standard scale: where each landmark lies in the mean of the images, from 0 to 100. */
export function meanScale({ images, sums }: ScaleSums): Landmarks {
  return sums.map((sum) => sum / images);
}

/** A line of straight pieces that rises or is level: at least two knots, `from` strictly rising. */
export interface Knots {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/**
 * The pieces that lead from an image's landmarks to those of a scale. Landmarks of the image that are the same (an image of few grey levels)
 * become one knot, at the mean of where they would go.
 */
export function knotsOf(landmarks: Landmarks, scale: Landmarks): Knots {
  const goals = new Map<number, number[]>();
  for (const [at, value] of landmarks.entries())
    goals.set(value, [...(goals.get(value) ?? []), scale[at] ?? 0]);
  const mean = (all: readonly number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
  return { from: Float64Array.from(goals.keys()), to: Float64Array.from(goals.values(), mean) };
}

/** Beyond it float32 is infinite, which no image may hold. */
const MOST_FLOAT = (2 - 2 ** -23) * 2 ** 127;

/** Every value on its piece; what lies outside goes on with the slope of the first or the last piece. No two values change their order. */
export function applyKnots(data: Float32Array, { from, to }: Knots): Float32Array {
  const last = from.length - 2;
  const slopes = Float64Array.from(
    { length: last + 1 },
    (_, at) => (f64At(to, at + 1) - f64At(to, at)) / (f64At(from, at + 1) - f64At(from, at)),
  );
  const result = new Float32Array(data.length);
  for (let voxel = 0; voxel < data.length; voxel++) {
    const value = f32At(data, voxel);
    let piece = 0;
    while (piece < last && value >= f64At(from, piece + 1)) piece++;
    const reached = f64At(to, piece) + (value - f64At(from, piece)) * f64At(slopes, piece);
    // By rounding the end of a piece could lie above the begin of the next.
    const inOrder = piece < last ? Math.min(reached, f64At(to, piece + 1)) : reached;
    result[voxel] = Math.max(-MOST_FLOAT, Math.min(MOST_FLOAT, inOrder));
  }
  return result;
}

function firstOf(landmarks: Landmarks): number {
  return landmarks[0] ?? 0;
}

function lastOf(landmarks: Landmarks): number {
  return landmarks.at(-1) ?? 0;
}
