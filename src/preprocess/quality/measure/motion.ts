import { f32At, f64At, i32At, u8At } from '../../../runtime/base/at.ts';
import { factorize, solve } from '../../../runtime/base/cholesky.ts';
import { AXES, type Axis, type Vector } from '../../nifti/affine.ts';
import type { Series } from './series.ts';

/** Shifts in mm along the axes of the image, then rotations about them in radians, around the middle of the head. */
export type Movement = readonly [number, number, number, number, number, number];

interface Space {
  readonly head: Uint8Array;
  readonly shape: Vector;
  /** mm */
  readonly voxel: Vector;
}

/** Six of movement, one for a change of brightness. */
const UNKNOWNS = 7;
const MOST_STEPS = 30;
/** mm, and mm on a sphere of 50. */
const STILL = 1e-4;
/** Voxels of the head that are looked at. */
const MOST_VOXELS = 30_000;
/** mm: radius of a sphere like a head (Power et al. 2012). */
const RADIUS = 50;

/**
 * How each volume lies to the first: rigid, by least squares of the differences in the head (Gauss and Newton, with the gradient of the
 * first volume, as AFNI's 3dvolreg). Both are smoothed a little before; between voxels values are linear. Undefined where the head does
 * not say how it lies, as in fewer than 3 slices.
 */
export function movements(series: Series, space: Space): Movement[] | undefined {
  const { shape, head } = space;
  if (Math.min(...shape) < 3) return undefined;
  const size = head.length;
  const first = smoothed(series.data.subarray(0, size), shape);
  const places = placesOf(space);
  const model = modelOf(first, places, space);
  if (!model) return undefined;
  const found: Movement[] = [[0, 0, 0, 0, 0, 0]];
  for (let volume = 1; volume < series.volumes; volume++) {
    const moved = smoothed(series.data.subarray(volume * size, (volume + 1) * size), shape);
    // Heads move on from where they were.
    found.push(align(moved, { model, space, start: found[volume - 1] as Movement }));
  }
  return found;
}

/** Framewise displacement in mm, of every volume but the first (Power et al. 2012). */
export function framewiseDisplacement(found: readonly Movement[]): number[] {
  return found.slice(1).map((now, at) =>
    now.reduce((sum, value, which) => {
      const change = Math.abs(value - (found[at]?.[which] ?? 0));
      return sum + (which < 3 ? change : RADIUS * change);
    }, 0),
  );
}

interface Places {
  readonly voxels: Int32Array;
  /** Of the looked-at voxels, in voxels. */
  readonly middle: Vector;
}

/** Voxels of the head with all their neighbours inside the image, evenly thinned. */
function placesOf({ head, shape: [nx, ny, nz] }: Space): Places {
  const inside: number[] = [];
  for (let k = 1, at = 0; k < nz - 1; k++)
    for (let j = 1; j < ny - 1; j++)
      for (let i = 1; i < nx - 1; i++) {
        at = (k * ny + j) * nx + i;
        if (u8At(head, at) !== 0) inside.push(at);
      }
  const step = Math.max(1, Math.ceil(inside.length / MOST_VOXELS));
  const voxels = Int32Array.from(inside.filter((_, at) => at % step === 0));
  const sums = [0, 0, 0];
  for (const at of voxels)
    for (const [axis, value] of [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))].entries())
      sums[axis] = (sums[axis] ?? 0) + value / voxels.length;
  return { voxels, middle: [sums[0] ?? 0, sums[1] ?? 0, sums[2] ?? 0] };
}

interface Model extends Places {
  /** Of the first volume at the places. */
  readonly values: Float64Array;
  readonly mean: number;
  /** [places, unknowns] */
  readonly slopes: Float64Array;
  readonly factor: Float64Array;
}

function modelOf(first: Float32Array, places: Places, { shape, voxel }: Space): Model | undefined {
  const { voxels, middle } = places;
  const strides = [1, shape[0], shape[0] * shape[1]];
  const slopes = new Float64Array(voxels.length * UNKNOWNS);
  const normal = new Float64Array(UNKNOWNS * UNKNOWNS);
  for (const [row, at] of voxels.entries()) {
    const slope = AXES.map((axis) => {
      const stride = strides[axis] ?? 1;
      return (f32At(first, at + stride) - f32At(first, at - stride)) / (2 * voxel[axis]);
    });
    const [gx = 0, gy = 0, gz = 0] = slope;
    const [x = 0, y = 0, z = 0] = armOf(at, { shape, voxel, middle });
    const own = [gx, gy, gz, gz * y - gy * z, gx * z - gz * x, gy * x - gx * y, f32At(first, at)];
    slopes.set(own, row * UNKNOWNS);
    for (let a = 0; a < UNKNOWNS; a++)
      for (let b = 0; b <= a; b++)
        normal[a * UNKNOWNS + b] = f64At(normal, a * UNKNOWNS + b) + (own[a] ?? 0) * (own[b] ?? 0);
  }
  const values = Float64Array.from(voxels, (at) => f32At(first, at));
  try {
    return { ...places, values, mean: meanAt(first, places), slopes, factor: factorize(normal, UNKNOWNS) };
  } catch {
    return undefined;
  }
}

/** From the middle of the head to a voxel, in mm. */
function armOf(
  at: number,
  { shape: [nx, ny], voxel, middle }: { shape: Vector; voxel: Vector; middle: Vector },
): Vector {
  const index = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
  const along = (axis: Axis) => ((index[axis] ?? 0) - middle[axis]) * voxel[axis];
  return [along(0), along(1), along(2)];
}

/** Its brightness is brought to that of the first volume before, so that a change of it is no movement. */
function align(
  moved: Float32Array,
  { model, space, start }: { model: Model; space: Space; start: Movement },
): Movement {
  const brightness = meanAt(moved, model) / model.mean;
  const scaled = brightness > 0 ? moved.map((value) => value / brightness) : moved;
  const look = (at: Guess) => misfit(scaled, at, { model, space });
  let best: Guess = { movement: start, gain: 1 };
  let { squares, right } = look(best);
  for (let step = 0; step < MOST_STEPS; step++) {
    const change = solve(model.factor, UNKNOWNS, right);
    const found = downhill({ best, change, squares }, look);
    if (!found) break;
    const before = best;
    ({ best, squares, right } = found);
    if (sizeOf(before.movement, best.movement) < STILL) break;
  }
  return best.movement;
}

interface Guess {
  readonly movement: Movement;
  readonly gain: number;
}

interface Misfit {
  /** Sum of the squared differences. */
  readonly squares: number;
  readonly right: Float64Array;
}

const MOST_HALVES = 6;

/** A step that makes the misfit smaller, halved as often as it must be; undefined where none does. */
function downhill(
  { best, change, squares }: { best: Guess; change: Float64Array; squares: number },
  look: (at: Guess) => Misfit,
): (Misfit & { readonly best: Guess }) | undefined {
  for (let halves = 0, share = 1; halves < MOST_HALVES; halves++, share /= 2) {
    // What is seen grows with the movement by the slopes, and falls with the gain.
    const movement = best.movement.map((value, at) => value - share * f64At(change, at));
    const next: Guess = {
      movement: movement as unknown as Movement,
      gain: best.gain + share * f64At(change, 6),
    };
    const found = look(next);
    if (found.squares < squares) return { ...found, best: next };
  }
  return undefined;
}

function misfit(
  moved: Float32Array,
  { movement, gain }: Guess,
  { model, space }: { model: Model; space: Space },
): Misfit {
  const right = new Float64Array(UNKNOWNS);
  const turn = rotation(movement);
  let squares = 0;
  for (let row = 0; row < model.voxels.length; row++) {
    const at = i32At(model.voxels, row);
    const seen = valueAt(moved, movedPlace(at, { movement, turn, model, space }), space.shape);
    const off = seen - gain * f64At(model.values, row);
    squares += off * off;
    for (let a = 0; a < UNKNOWNS; a++)
      right[a] = f64At(right, a) + off * f64At(model.slopes, row * UNKNOWNS + a);
  }
  return { squares, right };
}

function sizeOf(one: Movement, other: Movement): number {
  return Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? 0)) * (at < 3 ? 1 : RADIUS)));
}

function meanAt(data: Float32Array, { voxels }: Places): number {
  return voxels.reduce((sum, at) => sum + f32At(data, at), 0) / voxels.length;
}

type Turn = readonly [Vector, Vector, Vector];

/** Rz Ry Rx of the three angles. */
function rotation([, , , a, b, c]: Movement): Turn {
  const [sa, ca, sb, cb, sc, cc] = [
    Math.sin(a),
    Math.cos(a),
    Math.sin(b),
    Math.cos(b),
    Math.sin(c),
    Math.cos(c),
  ];
  return [
    [cb * cc, sa * sb * cc - ca * sc, ca * sb * cc + sa * sc],
    [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - sa * cc],
    [-sb, sa * cb, ca * cb],
  ];
}

/** Where a voxel of the first volume lies in another, in voxels. */
function movedPlace(
  at: number,
  what: { movement: Movement; turn: Turn; model: Places; space: Pick<Space, 'shape' | 'voxel'> },
): Vector {
  const { movement, turn, model, space } = what;
  const { middle } = model;
  const { voxel, shape } = space;
  const [x, y, z] = armOf(at, { shape, voxel, middle });
  const along = (axis: Axis) => {
    const row = turn[axis];
    return middle[axis] + (row[0] * x + row[1] * y + row[2] * z + movement[axis]) / voxel[axis];
  };
  return [along(0), along(1), along(2)];
}

/** Linear between voxels, held at the edge. */
function valueAt(data: Float32Array, [x, y, z]: Vector, [nx, ny, nz]: Vector): number {
  const px = Math.min(Math.max(x, 0), nx - 1);
  const py = Math.min(Math.max(y, 0), ny - 1);
  const pz = Math.min(Math.max(z, 0), nz - 1);
  const [i, j, k] = [
    Math.min(Math.floor(px), nx - 2),
    Math.min(Math.floor(py), ny - 2),
    Math.min(Math.floor(pz), nz - 2),
  ];
  const [u, v, w] = [px - i, py - j, pz - k];
  const at = (k * ny + j) * nx + i;
  const [row, plane] = [nx, nx * ny];
  const mix = (from: number) => f32At(data, from) * (1 - u) + f32At(data, from + 1) * u;
  const near = mix(at) * (1 - v) + mix(at + row) * v;
  const far = mix(at + plane) * (1 - v) + mix(at + plane + row) * v;
  return near * (1 - w) + far * w;
}

/** By 1/4, 1/2, 1/4 along each axis; the edge stands in for what lies beyond. */
function smoothed(data: Float32Array, shape: Vector): Float32Array {
  let from: Float32Array = data;
  for (const axis of AXES) {
    const stride = axis === 0 ? 1 : axis === 1 ? shape[0] : shape[0] * shape[1];
    const size = shape[axis];
    const to = new Float32Array(from.length);
    for (let at = 0; at < to.length; at++) {
      const place = Math.floor(at / stride) % size;
      const before = f32At(from, place > 0 ? at - stride : at);
      const after = f32At(from, place < size - 1 ? at + stride : at);
      to[at] = before / 4 + f32At(from, at) / 2 + after / 4;
    }
    from = to;
  }
  return from;
}
