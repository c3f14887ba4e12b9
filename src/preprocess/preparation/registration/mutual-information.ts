import { f32At, f64At, i32At } from '../../../runtime/base/at.ts';
import type { Vector } from '../../nifti/affine.ts';

/** Bins along each axis of the joint histogram; at each end the cubic kernel needs room for itself. */
const BINS = 40;
const ROOM = 2;
/** Below this share of the samples that meet the moving image nothing is said of how well it fits. */
const LEAST_OVERLAP = 0.3;

/** Places in the template, and what is seen there. */
export interface Samples {
  /** x, y, z of each in mm, from the centre of the registration. */
  readonly places: Float64Array;
  /** Bin of the template's value, see `binsOf`. */
  readonly bins: Int32Array;
}

/** What is looked at in the moving image. */
export interface MovingImage {
  readonly shape: Vector;
  readonly data: Float32Array;
  /** Values of the first and the last bin; what lies outside counts as they do. */
  readonly black: number;
  readonly white: number;
}

/** Those of some samples for which `isTaken`; it is given x, y and z. */
export function filtered({ places, bins }: Samples, isTaken: (place: Vector) => boolean): Samples {
  const taken = new Float64Array(places.length);
  const of = new Int32Array(bins.length);
  let count = 0;
  for (let at = 0; at < bins.length; at++) {
    const place: Vector = [f64At(places, 3 * at), f64At(places, 3 * at + 1), f64At(places, 3 * at + 2)];
    if (!isTaken(place)) continue;
    taken.set(place, 3 * count);
    of[count++] = i32At(bins, at);
  }
  return { places: taken.subarray(0, 3 * count), bins: of.subarray(0, count) };
}

/** Bins of the template's values, from `black` to `white`. */
export function binsOf(values: Float64Array, { black, white }: { black: number; white: number }): Int32Array {
  const width = (white - black) / (BINS - 2 * ROOM);
  return Int32Array.from(values, (value) =>
    Math.min(BINS - ROOM - 1, Math.max(ROOM, ROOM + Math.floor((value - black) / width))),
  );
}

export interface Fit {
  /** Mutual information in nats; NaN where the images hardly overlap. */
  readonly information: number;
  /** Entropy of the template's values there, in nats. */
  readonly entropy: number;
  /** Of the information: row by row of the 3 x 4 matrix. */
  readonly gradient: Float64Array;
  /** Share of the samples that lie in the moving image. */
  readonly overlap: number;
}

/**
 * Mutual information of two images and its derivative, as Mattes et al. 2003 (IEEE TMI 22:120) have them: a joint histogram whose moving side is
 * smoothed by a cubic B-spline (Thevenaz and Unser 2000). The gradient is that of the very sum, with linear interpolation between voxels;
 * that a sample leaves the image is not in it.
 */
export class MutualInformation {
  readonly #samples: Samples;
  readonly #moving: MovingImage;
  readonly #joint = new Float64Array(BINS * BINS);
  /** Of each sample: place on the moving axis of the histogram (-1: outside), and its slope along the three axes of the image. */
  readonly #seen: Float64Array;

  constructor(samples: Samples, moving: MovingImage) {
    this.#samples = samples;
    this.#moving = moving;
    this.#seen = new Float64Array(4 * samples.bins.length);
  }

  /** @param matrix 3 x 4, row by row: from places of the samples to indices of the moving image */
  at(matrix: Float64Array): Fit {
    const joint = this.#joint.fill(0);
    const count = this.#look(matrix);
    const overlap = count / this.#samples.bins.length;
    const gradient = new Float64Array(12);
    if (overlap < LEAST_OVERLAP) return { information: Number.NaN, entropy: 0, gradient, overlap };
    for (let cell = 0; cell < joint.length; cell++) joint[cell] = f64At(joint, cell) / count;
    const { information, entropy } = toLogarithms(joint);
    this.#slope(gradient);
    for (let at = 0; at < gradient.length; at++) gradient[at] = f64At(gradient, at) / count;
    return { information, entropy, gradient, overlap };
  }

  /** Fills the joint histogram; returns how many samples lie in the image. */
  #look(matrix: Float64Array): number {
    const { places, bins } = this.#samples;
    const { shape, black, white } = this.#moving;
    const [m0, m1, m2, m3] = [0, 1, 2, 3].map((at) => f64At(matrix, at)) as Four;
    const [m4, m5, m6, m7] = [4, 5, 6, 7].map((at) => f64At(matrix, at)) as Four;
    const [m8, m9, m10, m11] = [8, 9, 10, 11].map((at) => f64At(matrix, at)) as Four;
    const perBin = (BINS - 2 * ROOM - 1) / (white - black);
    const seen = this.#seen;
    const found = new Float64Array(4);
    let count = 0;
    for (let at = 0; at < bins.length; at++) {
      const [x, y, z] = [f64At(places, 3 * at), f64At(places, 3 * at + 1), f64At(places, 3 * at + 2)];
      const i = m0 * x + m1 * y + m2 * z + m3;
      const j = m4 * x + m5 * y + m6 * z + m7;
      const k = m8 * x + m9 * y + m10 * z + m11;
      if (!(i >= 0 && j >= 0 && k >= 0 && i <= shape[0] - 1 && j <= shape[1] - 1 && k <= shape[2] - 1)) {
        seen[4 * at] = -1;
        continue;
      }
      count++;
      found[0] = i;
      found[1] = j;
      found[2] = k;
      sample(this.#moving, found);
      const value = f64At(found, 0);
      const isInside = value > black && value < white;
      const place = ROOM + (Math.min(white, Math.max(black, value)) - black) * perBin;
      seen[4 * at] = place;
      for (let axis = 1; axis < 4; axis++) seen[4 * at + axis] = isInside ? f64At(found, axis) * perBin : 0;
      this.#add(BINS * i32At(bins, at), place);
    }
    return count;
  }

  #add(row: number, place: number): void {
    const joint = this.#joint;
    const low = Math.floor(place);
    const t = place - low;
    const s = 1 - t;
    const at = row + low - 1;
    joint[at] = f64At(joint, at) + (s * s * s) / 6;
    joint[at + 1] = f64At(joint, at + 1) + (4 + t * t * (3 * t - 6)) / 6;
    joint[at + 2] = f64At(joint, at + 2) + (4 + s * s * (3 * s - 6)) / 6;
    joint[at + 3] = f64At(joint, at + 3) + (t * t * t) / 6;
  }

  /** Adds up what each sample would change; in place of the histogram stand the logarithms. */
  #slope(gradient: Float64Array): void {
    const { places, bins } = this.#samples;
    const seen = this.#seen;
    const joint = this.#joint;
    for (let at = 0; at < bins.length; at++) {
      const place = f64At(seen, 4 * at);
      if (place < 0) continue;
      const low = Math.floor(place);
      const t = place - low;
      const s = 1 - t;
      const cell = BINS * i32At(bins, at) + low - 1;
      const change =
        (-s * s * f64At(joint, cell) +
          t * (3 * t - 4) * f64At(joint, cell + 1) -
          s * (3 * s - 4) * f64At(joint, cell + 2) +
          t * t * f64At(joint, cell + 3)) /
        2;
      const [x, y, z] = [f64At(places, 3 * at), f64At(places, 3 * at + 1), f64At(places, 3 * at + 2)];
      for (let axis = 0; axis < 3; axis++) {
        const along = change * f64At(seen, 4 * at + 1 + axis);
        const row = 4 * axis;
        gradient[row] = f64At(gradient, row) + along * x;
        gradient[row + 1] = f64At(gradient, row + 1) + along * y;
        gradient[row + 2] = f64At(gradient, row + 2) + along * z;
        gradient[row + 3] = f64At(gradient, row + 3) + along;
      }
    }
  }
}

type Four = [number, number, number, number];

/** In place of the indices of a place inside the volume: its value and slopes, by linear interpolation. */
function sample({ shape, data }: MovingImage, found: Float64Array): void {
  const [nx, ny, nz] = shape;
  const [i, j, k] = [f64At(found, 0), f64At(found, 1), f64At(found, 2)];
  const low = Math.min(Math.floor(i), nx - 2);
  const row = Math.min(Math.floor(j), ny - 2);
  const slice = Math.min(Math.floor(k), nz - 2);
  const [a, b, c] = [i - low, j - row, k - slice];
  const at = (slice * ny + row) * nx + low;
  const up = at + nx * ny;
  const [v000, v100] = [f32At(data, at), f32At(data, at + 1)];
  const [v010, v110] = [f32At(data, at + nx), f32At(data, at + nx + 1)];
  const [v001, v101] = [f32At(data, up), f32At(data, up + 1)];
  const [v011, v111] = [f32At(data, up + nx), f32At(data, up + nx + 1)];
  const [v00, v10] = [v000 + (v100 - v000) * a, v010 + (v110 - v010) * a];
  const [v01, v11] = [v001 + (v101 - v001) * a, v011 + (v111 - v011) * a];
  const [v0, v1] = [v00 + (v10 - v00) * b, v01 + (v11 - v01) * b];
  found[0] = v0 + (v1 - v0) * c;
  const [d0, d1] = [(v100 - v000) * (1 - b) + (v110 - v010) * b, (v101 - v001) * (1 - b) + (v111 - v011) * b];
  found[1] = d0 + (d1 - d0) * c;
  found[2] = (v10 - v00) * (1 - c) + (v11 - v01) * c;
  found[3] = v1 - v0;
}

/** In place of each density p stands log(p / (row's sum x column's sum)), 0 where there is none. */
function toLogarithms(joint: Float64Array): { information: number; entropy: number } {
  const rows = new Float64Array(BINS);
  const columns = new Float64Array(BINS);
  for (let cell = 0; cell < joint.length; cell++) {
    const row = Math.floor(cell / BINS);
    rows[row] = f64At(rows, row) + f64At(joint, cell);
    columns[cell % BINS] = f64At(columns, cell % BINS) + f64At(joint, cell);
  }
  let information = 0;
  for (let cell = 0; cell < joint.length; cell++) {
    const density = f64At(joint, cell);
    if (density === 0) continue;
    const logarithm = Math.log(
      density / (f64At(rows, Math.floor(cell / BINS)) * f64At(columns, cell % BINS)),
    );
    information += density * logarithm;
    joint[cell] = logarithm;
  }
  const entropy = rows.reduce((sum, row) => (row === 0 ? sum : sum - row * Math.log(row)), 0);
  return { information, entropy };
}
