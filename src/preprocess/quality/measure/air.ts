import { f32At, u8At } from '../../../runtime/base/at.ts';
import type { Vector } from '../../nifti/affine.ts';
import { sortFloats } from '../../picture/sort-floats.ts';
import { because, type Outcome, type Undefined } from '../outcome.ts';
import { medianOf, spreadOf } from './spread.ts';

/** Rayleigh noise has this standard deviation where that of its two parts is 1: sqrt(2 - pi / 2). */
export const RAYLEIGH_DEVIATION = Math.sqrt(2 - Math.PI / 2);

/** Air is no noise any more where this share of it has one value: it was cut off, or set to it. */
const MOST_ALIKE = 0.5;
const LEAST_VOXELS = 100;

export const NO_AIR = 'the air around the head has one value: it was masked, or cut off at black';

/** What lies around a head. */
export interface Air {
  readonly values: Float32Array;
  /** Standard deviation; by the median absolute deviation, unless that is 0, so that ghosts and flow count little. */
  readonly noise: number;
}

/**
 * Voxels outside the head that hold noise: without zeros that lie among zeros, which a scanner or a program filled in.
 * @param head not 0 inside
 */
export function airOf(data: Float32Array, head: Uint8Array, shape: Vector): Air | Undefined {
  const air = new Float32Array(data.length);
  let [count, filled] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    if (u8At(head, at) !== 0) continue;
    if (f32At(data, at) === 0 && isAmongZeros(data, at, shape)) filled++;
    else air[count++] = f32At(data, at);
  }
  if (count + filled < LEAST_VOXELS) return because('the head fills the image');
  const noise = air.subarray(0, count);
  if (filled > MOST_ALIKE * (count + filled) || shareOfCommonest(noise) > MOST_ALIKE) return because(NO_AIR);
  return count < LEAST_VOXELS ? because(NO_AIR) : { values: noise, noise: noiseOf(noise) };
}

/** Most neighbours by faces are 0, too; what lies beyond the edge counts as one of them. */
function isAmongZeros(data: Float32Array, at: number, [nx, ny, nz]: Vector): boolean {
  const i = at % nx;
  const j = Math.floor(at / nx) % ny;
  const k = Math.floor(at / (nx * ny));
  const zero = (isInside: boolean, voxel: number) => (!isInside || f32At(data, voxel) === 0 ? 1 : 0);
  const zeros =
    zero(i > 0, at - 1) +
    zero(i < nx - 1, at + 1) +
    zero(j > 0, at - nx) +
    zero(j < ny - 1, at + nx) +
    zero(k > 0, at - nx * ny) +
    zero(k < nz - 1, at + nx * ny);
  return zeros >= LEAST_ZEROS;
}

/** Of six: a plane of zeros beside noise has five, noise of whole numbers seldom has so many. */
const LEAST_ZEROS = 4;

function shareOfCommonest(values: Float32Array): number {
  const sorted = sortFloats(values.slice());
  let [most, run] = [0, 0];
  for (let at = 0; at < sorted.length; at++) {
    run = at > 0 && sorted[at] === sorted[at - 1] ? run + 1 : 1;
    most = Math.max(most, run);
  }
  return sorted.length === 0 ? 1 : most / sorted.length;
}

function noiseOf(air: Float32Array): number {
  const spread = spreadOf(air);
  if (!spread) return Number.NaN;
  return spread.mad > 0 ? spread.mad : spread.deviation;
}

/** Median of the squares in the head over that in the air: MRIQC's `fber`. */
export function foregroundToBackground(inside: Float32Array, air: Air | Undefined): Outcome {
  if ('because' in air) return air;
  const energy = (values: Float32Array) => medianOf(values.map((value) => value * value));
  const background = energy(air.values);
  return background > 0 ? energy(inside) / background : because(NO_AIR);
}

/** MRIQC's `snrd`, of one signal. */
export function dietrich(signal: number, air: Air | Undefined): Outcome {
  if ('because' in air) return air;
  const { noise } = air;
  return noise > 0 ? (RAYLEIGH_DEVIATION * signal) / noise : because(NO_AIR);
}
