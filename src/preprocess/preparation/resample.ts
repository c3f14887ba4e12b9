import { f32At, f64At, i32At } from '../../runtime/base/at.ts';
import {
  type Affine,
  AXES,
  type Axis,
  affineFromColumns,
  column,
  type Vector,
  voxelSize,
  worldOf,
} from '../nifti/affine.ts';
import type { Grid } from '../volume/grid.ts';
import { cubicWeights } from './cubic-weights.ts';
import type { Scan } from './scan.ts';
import { splineCoefficients } from './spline-coefficients.ts';

export const INTERPOLATIONS = ['linear', 'cubic', 'nearest'] as const;
/** `cubic` is the B-spline that goes through every voxel (Unser 1999); `nearest` is for masks and labels. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** Along one axis: for each voxel of the result, the voxels it is made of and their weights. */
interface Taps {
  readonly each: number;
  readonly from: Int32Array;
  readonly weights: Float64Array;
}

/** Voxels along one axis. */
interface AxisGrid {
  readonly before: number;
  readonly after: number;
  /** Index, on the axis before, of voxel 0 after, and what lies between two. */
  readonly start: number;
  readonly step: number;
}

/**
 * The same box of the world in voxels of `voxel` mm, along the axes the volume has: the middle stays where it is, and each axis gets as
 * many voxels as fit best. What lies up to half a voxel outside is taken from the edge (`cubic`: mirrored). Nothing is smoothed before
 * voxels get larger, as in ITK and nibabel.
 */
export function resampleTo(volume: Scan, voxel: Vector, interpolation: Interpolation): Scan {
  return eachAxis(volume, voxel, ({ data, shape, axis, grid }) => {
    const source = interpolation === 'cubic' ? splineCoefficients(data, shape, axis) : data;
    return alongAxis(source, shape, { axis, taps: tapsOf(grid, interpolation) });
  });
}

/**
 * As `resampleTo`, for a coarse look at a volume: along axes whose voxels get larger they are weighed by a Gaussian, so that a volume of
 * voxels of half their size is smoothed by one of 0.43 mm a mm. No voxel gets smaller.
 */
export function coarsened(volume: Scan, voxel: number): Scan {
  const had = voxelSize(volume.affine);
  const wanted: Vector = [Math.max(voxel, had[0]), Math.max(voxel, had[1]), Math.max(voxel, had[2])];
  return eachAxis(volume, wanted, ({ data, shape, axis, grid }) =>
    alongAxis(data, shape, { axis, taps: gaussianTaps(grid) }),
  );
}

/** The same box of the world in voxels of another size, as `resampleTo` parts it. */
export function regridded({ shape, affine }: Grid, voxel: Vector): Grid {
  const grids = gridsOf({ shape, affine }, voxel);
  const after = (axis: Axis) => grids[axis].after;
  return { shape: [after(0), after(1), after(2)], affine: movedAffine(affine, grids) };
}

type AxisGrids = readonly [AxisGrid, AxisGrid, AxisGrid];

function gridsOf({ shape, affine }: Grid, voxel: Vector): AxisGrids {
  const had = voxelSize(affine);
  const grid = (axis: Axis) => gridOf(shape[axis], voxel[axis] / had[axis]);
  return [grid(0), grid(1), grid(2)];
}

interface OneAxis {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  readonly axis: Axis;
  readonly grid: AxisGrid;
}

function eachAxis(volume: Scan, voxel: Vector, sample: (one: OneAxis) => Float32Array): Scan {
  const grids = gridsOf(volume, voxel);
  let { data } = volume;
  let shape = [...volume.shape];
  for (const axis of AXES) {
    const grid = grids[axis];
    if (isSame(grid)) continue;
    data = sample({ data, shape, axis, grid });
    shape = shape.map((size, at) => (at === axis ? grid.after : size));
  }
  const [x, y, z] = shape as [number, number, number];
  return { shape: [x, y, z], data, affine: movedAffine(volume.affine, grids) };
}

function gridOf(before: number, ratio: number): AxisGrid {
  const after = Math.max(1, Math.round(before / ratio));
  return { before, after, step: ratio, start: (before - 1) / 2 - ((after - 1) / 2) * ratio };
}

function isSame({ before, after, step, start }: AxisGrid): boolean {
  return before === after && Math.abs(step - 1) < 1e-6 && Math.abs(start) < 1e-6;
}

function movedAffine(affine: Affine, grids: AxisGrids): Affine {
  const step = (axis: Axis) => grids[axis].step;
  const start = (axis: Axis) => grids[axis].start;
  const scaled = (axis: Axis): Vector => {
    const [x, y, z] = column(affine, axis);
    return [x * step(axis), y * step(axis), z * step(axis)];
  };
  const origin = worldOf(affine, [start(0), start(1), start(2)]);
  return affineFromColumns([scaled(0), scaled(1), scaled(2)], origin);
}

function tapsOf(grid: AxisGrid, interpolation: Interpolation): Taps {
  const each = { nearest: 1, linear: 2, cubic: 4 }[interpolation];
  const from = new Int32Array(each * grid.after);
  const weights = new Float64Array(each * grid.after);
  for (let to = 0; to < grid.after; to++) {
    const place = grid.start + to * grid.step;
    const taps = TAPS[interpolation](place);
    for (const [tap, { at, weight }] of taps.entries()) {
      from[each * to + tap] =
        interpolation === 'cubic' ? mirrored(at, grid.before) : clamped(at, grid.before);
      weights[each * to + tap] = weight;
    }
  }
  return { each, from, weights };
}

/** A standard deviation of half of what the voxel grows by, in quadrature. Farther away than the volume is long there is nothing but its edge. */
function gaussianTaps(grid: AxisGrid): Taps {
  const sigma = Math.sqrt(Math.max(0.25, grid.step ** 2 - 1)) / 2;
  const reach = Math.min(Math.ceil(3 * sigma), grid.before);
  const each = 2 * reach + 1;
  const from = new Int32Array(each * grid.after);
  const weights = new Float64Array(each * grid.after);
  for (let to = 0; to < grid.after; to++) {
    const place = grid.start + to * grid.step;
    const first = Math.round(place) - reach;
    const bell = Float64Array.from({ length: each }, (_, tap) =>
      Math.exp(-((first + tap - place) ** 2) / (2 * sigma ** 2)),
    );
    const sum = bell.reduce((total, weight) => total + weight, 0);
    for (let tap = 0; tap < each; tap++) {
      from[each * to + tap] = clamped(first + tap, grid.before);
      weights[each * to + tap] = f64At(bell, tap) / sum;
    }
  }
  return { each, from, weights };
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

const TAPS: Readonly<Record<Interpolation, (place: number) => Tap[]>> = {
  nearest: (place) => [{ at: Math.round(place), weight: 1 }],
  linear: (place) => {
    const low = Math.floor(place);
    const t = place - low;
    return [
      { at: low, weight: 1 - t },
      { at: low + 1, weight: t },
    ];
  },
  cubic: (place) => {
    const low = Math.floor(place);
    const t = place - low;
    return cubicWeights(t).map((weight, tap) => ({ at: low - 1 + tap, weight }));
  },
};

function clamped(at: number, size: number): number {
  return Math.min(size - 1, Math.max(0, at));
}

/** Around the middle of the first and of the last voxel, as the coefficients are made. */
export function mirrored(at: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const inside = ((at % period) + period) % period;
  return inside < size ? inside : period - inside;
}

function alongAxis(
  data: Float32Array,
  shape: readonly number[],
  { axis, taps }: { axis: Axis; taps: Taps },
): Float32Array {
  const stride = shape.slice(0, axis).reduce((product, size) => product * size, 1);
  const before = shape[axis] ?? 1;
  const after = taps.from.length / taps.each;
  const result = new Float32Array((data.length / before) * after);
  const outer = data.length / (before * stride);
  for (let block = 0; block < outer; block++) {
    const [read, write] = [block * before * stride, block * after * stride];
    if (stride === 1) sampleLine(data, result, { read, write, taps, after });
    else for (let to = 0; to < after; to++) sampleSlab(data, result, { read, write, taps, to, stride });
  }
  return result;
}

function sampleLine(
  data: Float32Array,
  result: Float32Array,
  { read, write, taps, after }: { read: number; write: number; taps: Taps; after: number },
): void {
  const { each, from, weights } = taps;
  for (let to = 0; to < after; to++) {
    let sum = 0;
    for (let tap = each * to; tap < each * (to + 1); tap++)
      sum += f64At(weights, tap) * f32At(data, read + i32At(from, tap));
    result[write + to] = sum;
  }
}

/** Whole runs of `stride` values are weighed at once, which reads memory in its order. */
function sampleSlab(
  data: Float32Array,
  result: Float32Array,
  { read, write, taps, to, stride }: { read: number; write: number; taps: Taps; to: number; stride: number },
): void {
  const target = write + to * stride;
  for (let tap = taps.each * to; tap < taps.each * (to + 1); tap++) {
    const weight = f64At(taps.weights, tap);
    if (weight === 0) continue;
    const source = read + i32At(taps.from, tap) * stride;
    for (let n = 0; n < stride; n++)
      result[target + n] = f32At(result, target + n) + weight * f32At(data, source + n);
  }
}
