import type { Vector } from '../../../preprocess/nifti/affine.ts';
import { u8At } from '../../base/at.ts';

/** Voxels of one kind on a grid. A slice is a volume of one plane. */
export interface VolumeMask {
  /** Voxels along x, y, z. */
  readonly shape: Vector;
  /** Size of a voxel in mm. */
  readonly voxel: Vector;
  /** [voxels], the first axis fastest, as in NIfTI: 1 inside, 0 outside. */
  readonly inside: Uint8Array;
}

/** Places of a grid that a box holds, on each axis from `first` to `last`, both in it. */
interface Box {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** The voxels with one of some labels. @param labels [voxels] */
export function maskOf(
  labels: Uint8Array,
  wanted: readonly number[],
  grid: Pick<VolumeMask, 'shape' | 'voxel'>,
): VolumeMask {
  const isWanted = new Uint8Array(256);
  for (const label of wanted) isWanted[label] = 1;
  return { shape: grid.shape, voxel: grid.voxel, inside: labels.map((label) => u8At(isWanted, label)) };
}

export function countInside({ inside }: VolumeMask): number {
  let count = 0;
  for (let at = 0; at < inside.length; at++) count += u8At(inside, at);
  return count;
}

/** Of a voxel, in mm3. */
export function voxelVolume({ voxel }: Pick<VolumeMask, 'voxel'>): number {
  return voxel[0] * voxel[1] * voxel[2];
}

/**
 * Masks of one grid, cut to the least box that holds all that is inside one of them and some voxels more on each side, as far as the grid goes; as
 * they are where all are empty.
 * @param more at least 1, so that only an axis on which the grid has one place has one afterwards: it is the axis of a slice
 */
export function cropTogether<Masks extends readonly VolumeMask[]>(
  masks: Masks,
  more = 1,
): { [At in keyof Masks]: VolumeMask } {
  const box = boxOf(masks, more);
  const cut = box ? masks.map((mask) => crop(mask, box)) : [...masks];
  return cut as { [At in keyof Masks]: VolumeMask };
}

function boxOf(masks: readonly VolumeMask[], more: number): Box | undefined {
  const [mask] = masks;
  if (!mask) return undefined;
  const [nx, ny] = mask.shape;
  const first = [...mask.shape];
  const last = [-1, -1, -1];
  for (const { inside } of masks)
    for (let start = 0, row = 0; start < inside.length; start += nx, row++) {
      const line = inside.subarray(start, start + nx);
      const from = line.indexOf(1);
      if (from < 0) continue;
      const to = [line.lastIndexOf(1), row % ny, Math.floor(row / ny)];
      for (const [axis, place] of [from, row % ny, Math.floor(row / ny)].entries()) {
        first[axis] = Math.min(first[axis] ?? 0, place);
        last[axis] = Math.max(last[axis] ?? 0, to[axis] ?? 0);
      }
    }
  if (last[0] === -1) return undefined;
  return {
    first: first.map((place) => Math.max(0, place - more)),
    last: last.map((place, axis) => Math.min((mask.shape[axis] ?? 0) - 1, place + more)),
  };
}

function crop({ shape, voxel, inside }: VolumeMask, { first, last }: Box): VolumeMask {
  const [x = 0, y = 0, z = 0] = first;
  const size = (axis: number) => (last[axis] ?? 0) - (first[axis] ?? 0) + 1;
  const [width, height, depth] = [size(0), size(1), size(2)];
  const cut = new Uint8Array(width * height * depth);
  for (let plane = 0, at = 0; plane < depth; plane++)
    for (let row = 0; row < height; row++, at += width) {
      const from = ((z + plane) * shape[1] + y + row) * shape[0] + x;
      cut.set(inside.subarray(from, from + width), at);
    }
  return { shape: [width, height, depth], voxel, inside: cut };
}
