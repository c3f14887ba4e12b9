import { cubicWeights } from '../../../preprocess/preparation/cubic-weights.ts';
import { f32At, f64At, u8At } from '../../base/at.ts';
import type { Random } from '../../base/random.ts';
import { blackOf } from './augment-greys.ts';
import { spread } from './spread.ts';

/** Voxels along each axis, the first fastest; a slice has one plane. */
export interface Space {
  readonly shape: readonly [number, number, number];
}

/** Source voxel from target voxel: three rows of four, row-major. */
export type Placement = readonly number[];

/** Where the voxels of a changed patch come from. */
export interface Warp {
  /** Undefined: each from its own place. */
  readonly affine: Placement | undefined;
  /** What is added to that, in voxels. */
  readonly elastic: Displacement | undefined;
}

/** [voxels] along each axis; empty for an axis of one voxel. */
export type Displacement = readonly [Float32Array, Float32Array, Float32Array];

interface Amounts {
  readonly flip: boolean;
  readonly rotate: number;
  readonly scale: number;
  readonly shift: number;
}

/** Undefined where nothing moves. */
export function drawWarp(
  shape: Space['shape'],
  { flip, rotate, scale, shift }: Amounts,
  random: Random,
): Placement | undefined {
  const mirror = flip && random.next() < 0.5;
  const angles = [spread(random, rotate), spread(random, rotate), spread(random, rotate)] as const;
  const zoom = 1 / (1 + spread(random, scale));
  const shifts = shape.map((size) => spread(random, shift) * size);
  if (!mirror && rotate === 0 && scale === 0 && shift === 0) return undefined;
  return placementOf(shape, { angles, zoom, shifts, mirror });
}

/** About the middle of a patch: turns about its axes, first x, then y, then z; a slice turns in its plane alone. */
export function placementOf(
  shape: Space['shape'],
  {
    angles,
    zoom = 1,
    shifts,
    mirror = false,
  }: {
    /** Degrees. */
    readonly angles: readonly [number, number, number];
    readonly zoom?: number;
    /** Voxels that the content moves by. */
    readonly shifts: readonly number[];
    readonly mirror?: boolean;
  },
): Placement {
  const turns = ([0, 1, 2] as const).map((axis) => {
    const isFlat = shape.some((size, other) => other !== axis && size === 1);
    return isFlat ? 0 : (angles[axis] * Math.PI) / 180;
  });
  const [x = 0, y = 0, z = 0] = turns;
  const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
  const turn = [
    ...[cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
    ...[sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
    ...[-sy, cy * sx, cy * cx],
  ];
  const middle = shape.map((size) => (size - 1) / 2);
  return ([0, 1, 2] as const).flatMap((axis) => {
    if (shape[axis] === 1) return [0, 1, 2].map((other) => (other === axis ? 1 : 0)).concat(0);
    const sign = mirror && axis === 0 ? -1 : 1;
    const row = [0, 1, 2].map((other) => sign * zoom * (turn[axis * 3 + other] ?? 0));
    const reached = row.reduce(
      (sum, value, other) => sum + value * ((middle[other] ?? 0) + (shifts[other] ?? 0)),
      0,
    );
    return [...row, (middle[axis] ?? 0) - reached];
  });
}

/** Pieces of the spline along an axis: seven control points, as TorchIO has. */
const PIECES = 4;

/**
 * A smooth deformation: cubic B-splines over control points that are each moved by up to `most` voxels along each axis (Rueckert et al.,
 * "Nonrigid registration using free-form deformations", 1999).
 */
export function drawElastic(shape: Space['shape'], most: number, random: Random): Displacement {
  const controls = shape.map((size) => (size > 1 ? PIECES + 3 : 1)) as [number, number, number];
  const field = (axis: 0 | 1 | 2) => {
    if (shape[axis] === 1) return new Float32Array();
    const points = Float32Array.from({ length: controls[0] * controls[1] * controls[2] }, () =>
      spread(random, most),
    );
    let own: Float32Array = points;
    let sizes: readonly number[] = controls;
    for (const along of [0, 1, 2] as const) {
      own = splineAlong(own, sizes, { axis: along, size: shape[along] });
      sizes = sizes.map((size, other) => (other === along ? shape[along] : size));
    }
    return own;
  };
  return [field(0), field(1), field(2)];
}

/** Control points of one axis made to `size` values. */
function splineAlong(
  points: Float32Array,
  sizes: readonly number[],
  { axis, size }: { readonly axis: 0 | 1 | 2; readonly size: number },
): Float32Array {
  if (size === 1) return points;
  const stride = sizes.slice(0, axis).reduce((product, own) => product * own, 1);
  const count = sizes[axis] ?? 1;
  const outer = points.length / (stride * count);
  const result = new Float32Array(outer * size * stride);
  for (let to = 0; to < size; to++) {
    const place = (to / (size - 1)) * PIECES;
    const piece = Math.min(PIECES - 1, Math.floor(place));
    const [a, b, c, d] = cubicWeights(place - piece);
    for (let block = 0; block < outer; block++) {
      const from = (block * count + piece) * stride;
      const into = (block * size + to) * stride;
      for (let at = 0; at < stride; at++)
        result[into + at] =
          a * f32At(points, from + at) +
          b * f32At(points, from + stride + at) +
          c * f32At(points, from + 2 * stride + at) +
          d * f32At(points, from + 3 * stride + at);
    }
  }
  return result;
}

const STAYS: Placement = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** [voxels, 3]: where the voxels of a changed patch come from, in voxels along x, y, z. */
export type Sources = Float64Array;

export function sourcesOf(shape: Space['shape'], { affine = STAYS, elastic }: Warp): Sources {
  const m = Float64Array.from(affine);
  const sources = new Float64Array(3 * shape[0] * shape[1] * shape[2]);
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at += 3)
        for (let axis = 0; axis < 3; axis++) {
          const row = 4 * axis;
          sources[at + axis] =
            f64At(m, row) * i + f64At(m, row + 1) * j + f64At(m, row + 2) * k + f64At(m, row + 3);
        }
  for (const [axis, field] of elastic?.entries() ?? [])
    for (let at = 0; at < field.length; at++)
      sources[3 * at + axis] = f64At(sources, 3 * at + axis) + f32At(field, at);
  return sources;
}

/** Trilinear; what comes from outside is black. In place. */
export function warpChannel(values: Float32Array, [nx, ny, nz]: Space['shape'], sources: Sources): void {
  const source = values.slice();
  const black = blackOf(source);
  const plane = nx * ny;
  for (let at = 0; at < values.length; at++) {
    const [x, y, z] = [f64At(sources, 3 * at), f64At(sources, 3 * at + 1), f64At(sources, 3 * at + 2)];
    if (!(x >= 0 && y >= 0 && z >= 0 && x <= nx - 1 && y <= ny - 1 && z <= nz - 1)) {
      values[at] = black;
      continue;
    }
    const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    const [right, front, up] = [x - i, y - j, z - k];
    const corner = k * plane + j * nx + i;
    // On the last voxel of an axis there is nothing beyond, and nothing of it is needed.
    const [dx, dy, dz] = [i < nx - 1 ? 1 : 0, j < ny - 1 ? nx : 0, k < nz - 1 ? plane : 0];
    const row = (from: number) => (1 - right) * f32At(source, from) + right * f32At(source, from + dx);
    const sheet = (from: number) => (1 - front) * row(from) + front * row(from + dy);
    values[at] = (1 - up) * sheet(corner) + up * sheet(corner + dz);
  }
}

/** The nearest voxel; what comes from outside is background. In place. */
export function warpLabels(labels: Uint8Array, [nx, ny, nz]: Space['shape'], sources: Sources): void {
  const source = labels.slice();
  for (let at = 0; at < labels.length; at++) {
    const [x, y, z] = [f64At(sources, 3 * at), f64At(sources, 3 * at + 1), f64At(sources, 3 * at + 2)];
    const isInside = x >= 0 && y >= 0 && z >= 0 && x <= nx - 1 && y <= ny - 1 && z <= nz - 1;
    labels[at] = isInside ? u8At(source, (Math.round(z) * ny + Math.round(y)) * nx + Math.round(x)) : 0;
  }
}
