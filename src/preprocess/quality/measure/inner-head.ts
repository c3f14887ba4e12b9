import { f32At, f64At, u8At } from '../../../runtime/base/at.ts';
import { type Affine, AXES, type Vector, voxelSize, worldOf } from '../../nifti/affine.ts';

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

/** A far away square that differences of places do not reach. */
const FAR = 1e12;

/** Squared distance in mm from each voxel to the nearest outside the mask; what lies beyond the edge is outside (Felzenszwalb and Huttenlocher 2012). */
export function squaredDepth(
  mask: Uint8Array,
  { shape, voxel }: { readonly shape: Vector; readonly voxel: Vector },
): Float64Array {
  const squares = Float64Array.from(mask, (value) => (value === 0 ? 0 : FAR));
  const strides = [1, shape[0], shape[0] * shape[1]];
  for (const axis of AXES) {
    const size = shape[axis];
    const stride = strides[axis] ?? 1;
    // One more at each end, outside.
    const line = new Float64Array(size + 2);
    for (let start = 0; start < squares.length; start++) {
      if (Math.floor(start / stride) % size !== 0) continue;
      for (let at = 0; at < size; at++) line[at + 1] = f64At(squares, start + at * stride);
      // A flat volume has no depth across its one plane.
      line[0] = size === 1 ? FAR : 0;
      line[size + 1] = size === 1 ? FAR : 0;
      const lower = lowerEnvelope(line, voxel[axis]);
      for (let at = 0; at < size; at++) squares[start + at * stride] = f64At(lower, at + 1);
    }
  }
  return squares;
}

/** The least of the parabolas over each place of a line. */
function lowerEnvelope(line: Float64Array, step: number): Float64Array {
  const count = line.length;
  const roots = new Int32Array(count);
  const bounds = new Float64Array(count + 1);
  const height = (at: number) => f64At(line, at) / (step * step);
  let last = 0;
  bounds[0] = Number.NEGATIVE_INFINITY;
  bounds[1] = Number.POSITIVE_INFINITY;
  for (let at = 1; at < count; at++) {
    const meets = () => {
      const root = roots[last] ?? 0;
      return (height(at) + at * at - height(root) - root * root) / (2 * (at - root));
    };
    let from = meets();
    while (from <= f64At(bounds, last)) {
      last--;
      from = meets();
    }
    roots[++last] = at;
    bounds[last] = from;
    bounds[last + 1] = Number.POSITIVE_INFINITY;
  }
  const result = new Float64Array(count);
  for (let at = 0, piece = 0; at < count; at++) {
    while (f64At(bounds, piece + 1) < at) piece++;
    const root = roots[piece] ?? 0;
    result[at] = ((at - root) ** 2 + height(root)) * step * step;
  }
  return result;
}
