import type { Affine, Vector } from '../nifti/affine.ts';
import { voxelSize } from '../nifti/affine.ts';

/** Where voxels lie. */
export interface Grid {
  readonly shape: readonly [number, number, number];
  readonly affine: Affine;
}

/** Header fields are rounded to single precision, by every program in its own way. */
const MOST_SHIFT = 0.01;

/** How the grid of one image differs from another's; undefined where voxel for voxel they lie in the same places. */
export function gridDifference(one: Grid, other: Grid): string | undefined {
  if (one.shape.join() !== other.shape.join())
    return `${other.shape.join(' x ')} voxels, not ${one.shape.join(' x ')}`;
  const most = Math.max(...CORNERS.map((corner) => distance(one, other, corner)));
  const least = Math.min(...voxelSize(one.affine));
  if (most <= MOST_SHIFT * least) return undefined;
  return `voxels that lie up to ${most.toFixed(2)} mm from where they should`;
}

const CORNERS: readonly Vector[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [
  bits & 1,
  (bits >> 1) & 1,
  (bits >> 2) & 1,
]);

/** Between the places that the two affines give to one corner of the grid, in mm. */
function distance(one: Grid, other: Grid, corner: Vector): number {
  const index = one.shape.map((size, axis) => (corner[axis] ?? 0) * (size - 1));
  const [i = 0, j = 0, k = 0] = index;
  const away = ([0, 1, 2] as const).map((axis) => {
    const [a, b] = [one.affine[axis], other.affine[axis]];
    return (a[0] - b[0]) * i + (a[1] - b[1]) * j + (a[2] - b[2]) * k + (a[3] - b[3]);
  });
  return Math.hypot(...away);
}
