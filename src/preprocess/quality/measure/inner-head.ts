import { f32At, f64At, u8At } from '../../../runtime/base/at.ts';
import { type Affine, AXES, type Vector, voxelSize, worldOf } from '../../nifti/affine.ts';
import { squaredDistances } from '../../volume/distance-transform.ts';

/** Of skin, fat and skull, in mm: what lies deeper below the skin is brain, but for the face and the neck. */
const DEPTH = 15;
/** From the crown down, in mm: most of a brain lies within it. */
const HEIGHT = 130;
/** Voxels of the inner head are looked at about so far apart, in mm. */
const STEP = 2;

/**
 * Indices of voxels that most probably are brain: deeper than 15 mm in the head's mask, and within 130 mm of the crown. A heuristic, in place
 * of a brain mask.
 */
export function innerHead(head: Uint8Array, shape: Vector, affine: Affine): Int32Array {
  const voxel = voxelSize(affine);
  const steps = AXES.map((axis) => Math.max(1, Math.round(STEP / voxel[axis])));
  const counts = AXES.map((axis) => Math.ceil(shape[axis] / (steps[axis] ?? 1)));
  const [cx = 1, cy = 1, cz = 1] = counts;
  const [sx = 1, sy = 1, sz = 1] = steps;
  const inside = new Uint8Array(cx * cy * cz);
  const places = new Int32Array(inside.length);
  const heights = new Float32Array(inside.length);
  let crown = Number.NEGATIVE_INFINITY;
  for (let k = 0, at = 0; k < cz; k++)
    for (let j = 0; j < cy; j++)
      for (let i = 0; i < cx; i++, at++) {
        const index: Vector = [i * sx, j * sy, k * sz];
        const place = (index[2] * shape[1] + index[1]) * shape[0] + index[0];
        places[at] = place;
        inside[at] = u8At(head, place);
        heights[at] = worldOf(affine, index)[2];
        if (u8At(head, place) !== 0) crown = Math.max(crown, f32At(heights, at));
      }
  const grid = {
    shape: [cx, cy, cz] as const,
    voxel: [voxel[0] * sx, voxel[1] * sy, voxel[2] * sz] as const,
  };
  const squares = squaredDepth(inside, grid);
  return places.filter((_, at) => f64At(squares, at) > DEPTH ** 2 && crown - f32At(heights, at) <= HEIGHT);
}

/** Squared distance in mm from each voxel to the nearest outside the mask; what lies beyond the edge is outside. */
export function squaredDepth(mask: Uint8Array, grid: { shape: Vector; voxel: Vector }): Float64Array {
  const outside = mask.map((value) => (value === 0 ? 1 : 0));
  return squaredDistances(outside, { ...grid, isEdgeIn: true });
}
