import { f32At, f64At, i32At } from '../../runtime/base/at.ts';
import {
  type Affine,
  AXES,
  type Axis,
  column,
  inverseOf,
  type Vector,
  voxelSize,
  worldOf,
} from '../nifti/affine.ts';

/** A volume in cubes along the axes of the world: right, anterior, superior; first axis fastest. */
export interface HeadGrid {
  readonly shape: Vector;
  readonly data: Float32Array;
  /** World millimetres of the middle of voxel 0. */
  readonly origin: Vector;
  /** Edge in mm. */
  readonly voxel: number;
}

/** One volume with its place in the world. */
export interface PlacedVolume {
  readonly shape: Vector;
  readonly data: Float32Array;
  readonly affine: Affine;
}

/** No head is larger; 500 mm is the widest field of view of MR scanners. */
const LONGEST_MM = 520;
/** Keeps middles of voxels off the borders of cubes, where rounding would decide. */
const OFF_BORDER_MM = 0.0137;

/**
 * A volume in cubes along the world's axes. A cube holds the mean of the voxels whose middles lie in it; where none does, it is interpolated. So
 * noise goes down in small voxels, and neither the order of storage nor an oblique plane matters. Outside the volume is its least value.
 * @returns undefined for a field of view that is no head's
 */
export function headGrid(volume: PlacedVolume, voxel: number): HeadGrid | undefined {
  const { shape, affine } = volume;
  const [least, most] = boundsOf(shape, affine);
  // Far from the middle of the world millimetres are lost in rounding.
  const sizes = AXES.map((axis) => Math.max(1, Math.ceil((most[axis] - least[axis]) / voxel)));
  const [nx = 1, ny = 1, nz = 1] = sizes;
  if (Math.max(nx, ny, nz) * voxel > LONGEST_MM) return undefined;
  const start = (axis: Axis) => least[axis] + voxel / 2 - OFF_BORDER_MM;
  const origin: Vector = [start(0), start(1), start(2)];
  const grid = { shape: [nx, ny, nz] as const, origin, voxel, data: new Float32Array(nx * ny * nz) };
  const counts = gather(volume, grid);
  interpolate(volume, grid, counts);
  return grid;
}

/** Corners of the box of the world in which all voxels lie, half a voxel around their middles. */
function boundsOf(shape: Vector, affine: Affine): [Vector, Vector] {
  const bounds = (axis: Axis) => {
    const row = affine[axis];
    const ends = AXES.map((index) => [row[index] * -0.5, row[index] * (shape[index] - 0.5)]);
    const sum = (pick: (...values: number[]) => number) =>
      ends.reduce((total, pair) => total + pick(...pair), row[3]);
    return [sum(Math.min), sum(Math.max)] as const;
  };
  const [x, y, z] = [bounds(0), bounds(1), bounds(2)];
  return [
    [x[0], y[0], z[0]],
    [x[1], y[1], z[1]],
  ];
}

/** Means of the voxels in each cube; how many there are. */
function gather({ shape, data, affine }: PlacedVolume, grid: HeadGrid): Int32Array {
  const { origin, voxel } = grid;
  const [nx, ny, nz] = grid.shape;
  const sums = new Float64Array(grid.data.length);
  const counts = new Int32Array(grid.data.length);
  const [dx, dy, dz] = column(affine, 0);
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++) {
      const [x, y, z] = worldOf(affine, [0, j, k]);
      for (let i = 0; i < shape[0]; i++, at++) {
        const a = cubeAt((x + i * dx - origin[0]) / voxel, nx);
        const b = cubeAt((y + i * dy - origin[1]) / voxel, ny);
        const c = cubeAt((z + i * dz - origin[2]) / voxel, nz);
        const to = (c * ny + b) * nx + a;
        sums[to] = f64At(sums, to) + f32At(data, at);
        counts[to] = i32At(counts, to) + 1;
      }
    }
  for (let at = 0; at < sums.length; at++) {
    const count = i32At(counts, at);
    if (count > 0) grid.data[at] = f64At(sums, at) / count;
  }
  return counts;
}

/** The middle of a small voxel at the border may come out of rounding beyond it. */
function cubeAt(place: number, size: number): number {
  return Math.min(size - 1, Math.max(0, Math.round(place)));
}

/** Cubes in which no voxel has its middle. */
function interpolate(
  volume: PlacedVolume,
  { shape, data, origin, voxel }: HeadGrid,
  counts: Int32Array,
): void {
  const least = volume.data.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const toIndex = inverseOf(volume.affine);
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at++) {
        if (i32At(counts, at) > 0) continue;
        const world: Vector = [origin[0] + i * voxel, origin[1] + j * voxel, origin[2] + k * voxel];
        data[at] = linearAt(volume, worldOf(toIndex, world)) ?? least;
      }
}

/** Between the eight voxels around a place; undefined outside the volume, whose voxels reach half their edge beyond their middles. */
function linearAt({ shape, data }: PlacedVolume, index: Vector): number | undefined {
  for (const axis of AXES) if (!(index[axis] >= -0.5 && index[axis] <= shape[axis] - 0.5)) return undefined;
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    let weight = 1;
    let at = 0;
    for (const axis of [2, 1, 0] as const) {
      const place = Math.min(shape[axis] - 1, Math.max(0, index[axis]));
      const low = Math.min(Math.floor(place), Math.max(0, shape[axis] - 2));
      const upper = (corner >> axis) & 1;
      const part = place - low;
      weight *= upper === 1 ? part : 1 - part;
      at = at * shape[axis] + Math.min(shape[axis] - 1, low + upper);
    }
    if (weight > 0) sum += weight * f32At(data, at);
  }
  return sum;
}

/** Millimetres to the nearest border of the volume; negative outside. */
export function depthInVolume(
  { shape, affine }: Pick<PlacedVolume, 'shape' | 'affine'>,
  toIndex: Affine,
  world: Vector,
): number {
  const index = worldOf(toIndex, world);
  const size = voxelSize(affine);
  const depth = (axis: Axis) => Math.min(index[axis] + 0.5, shape[axis] - 0.5 - index[axis]) * size[axis];
  return Math.min(depth(0), depth(1), depth(2));
}
