import { f32At, u8At } from '../../runtime/base/at.ts';
import { elementCount } from '../../runtime/base/tensors/nd-array.ts';
import {
  AXES,
  type Axis,
  affineFromColumns,
  column,
  type Vector,
  voxelSize,
  worldOf,
} from '../nifti/affine.ts';
import type { Grid } from '../volume/grid.ts';
import type { Mask, Scan } from './scan.ts';

/** Voxels of a volume; a box may reach over its edges. */
export interface Box {
  readonly start: Vector;
  readonly shape: Vector;
}

/** The smallest box with the whole mask, and `margin` mm around it, as far as the volume goes. Undefined for an empty mask. */
export function boxOf(mask: Mask, { shape, affine }: Grid, margin: number): Box | undefined {
  const least = [...shape];
  const most = [-1, -1, -1];
  for (let at = 0; at < mask.length; at++) {
    if (u8At(mask, at) === 0) continue;
    const place = [
      at % shape[0],
      Math.floor(at / shape[0]) % shape[1],
      Math.floor(at / (shape[0] * shape[1])),
    ];
    for (const axis of AXES) {
      const index = place[axis] ?? 0;
      least[axis] = Math.min(least[axis] ?? 0, index);
      most[axis] = Math.max(most[axis] ?? 0, index);
    }
  }
  if ((most[0] ?? -1) < 0) return undefined;
  const size = voxelSize(affine);
  const more = (axis: Axis) => Math.ceil(margin / size[axis]);
  const start = (axis: Axis) => Math.max(0, (least[axis] ?? 0) - more(axis));
  const end = (axis: Axis) => Math.min(shape[axis], (most[axis] ?? 0) + more(axis) + 1);
  return {
    start: [start(0), start(1), start(2)],
    shape: [end(0) - start(0), end(1) - start(1), end(2) - start(2)],
  };
}

/** A box of `shape` around the middle of the volume. */
export function middleBox(scan: Pick<Scan, 'shape'>, shape: Vector): Box {
  const start = (axis: Axis) => Math.floor((scan.shape[axis] - shape[axis]) / 2);
  return { start: [start(0), start(1), start(2)], shape };
}

/** The part of a volume in a box; every voxel keeps its place in the world, and what lies outside the volume is 0. */
export function crop(volume: Scan, { start, shape }: Box): Scan {
  const data = new Float32Array(elementCount(shape));
  const [nx, ny] = volume.shape;
  const [from, to] = [Math.max(0, -start[0]), Math.min(shape[0], nx - start[0])];
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      const [y, z] = [start[1] + j, start[2] + k];
      if (y < 0 || z < 0 || y >= ny || z >= volume.shape[2] || to <= from) continue;
      const source = (z * ny + y) * nx + start[0];
      data.set(volume.data.subarray(source + from, source + to), (k * shape[1] + j) * shape[0] + from);
    }
  }
  const { affine } = volume;
  const columns = [column(affine, 0), column(affine, 1), column(affine, 2)] as const;
  return { shape, data, affine: affineFromColumns(columns, worldOf(affine, start)) };
}

/** Values where the mask is not 0. */
export function valuesIn(data: Float32Array, mask: Mask): Float32Array {
  let count = 0;
  for (let at = 0; at < mask.length; at++) if (u8At(mask, at) !== 0) count++;
  const values = new Float32Array(count);
  let to = 0;
  for (let at = 0; at < data.length; at++) if (u8At(mask, at) !== 0) values[to++] = f32At(data, at);
  return values;
}
