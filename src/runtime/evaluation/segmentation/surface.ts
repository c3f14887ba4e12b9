import { squaredDistances } from '../../../preprocess/volume/distance-transform.ts';
import { f64At, u8At } from '../../base/at.ts';
import { countInside, cropTogether, type VolumeMask } from './mask.ts';

/**
 * The 95th percentile of the distances between two surfaces, in mm (HD95): of those from each surface voxel of one mask to the nearest of the
 * other, the larger of both directions, between the two nearest values as numpy does (Huttenlocher et al., "Comparing images using the Hausdorff
 * distance", 1993; as in MONAI). Null where one mask is empty, 0 where both are.
 */
export function hausdorff95(truth: VolumeMask, predicted: VolumeMask): number | null {
  const [one, other] = cropTogether([truth, predicted] as const);
  const [isEmpty, isOtherEmpty] = [countInside(one) === 0, countInside(other) === 0];
  if (isEmpty && isOtherEmpty) return 0;
  if (isEmpty || isOtherEmpty) return null;
  const [surface, otherSurface] = [surfaceOf(one), surfaceOf(other)];
  return Math.max(
    percentile95(distancesTo(surface, otherSurface)),
    percentile95(distancesTo(otherSurface, surface)),
  );
}

/**
 * Voxels of a mask that share a face with one outside; what lies beyond the edge of the grid is outside, but not across the plane of a slice. The one
 * voxel of a grid of one has nothing but outside around it.
 */
function surfaceOf({ shape, voxel, inside }: VolumeMask): VolumeMask {
  if (inside.length === 1) return { shape, voxel, inside };
  const surface = new Uint8Array(inside.length);
  const strides = [1, shape[0], shape[0] * shape[1]];
  for (let at = 0; at < inside.length; at++) {
    if (u8At(inside, at) === 0) continue;
    for (const [axis, stride] of strides.entries()) {
      const size = shape[axis] ?? 1;
      const place = Math.floor(at / stride) % size;
      if (size === 1) continue;
      const isOpen =
        place === 0 || place === size - 1 || inside[at - stride] === 0 || inside[at + stride] === 0;
      if (isOpen) surface[at] = 1;
    }
  }
  return { shape, voxel, inside: surface };
}

/** Of each voxel of a surface to the nearest of another, sorted. */
function distancesTo(from: VolumeMask, to: VolumeMask): Float64Array {
  const squares = squaredDistances(to.inside, to);
  const distances = new Float64Array(countInside(from));
  for (let at = 0, next = 0; at < squares.length; at++) {
    if (u8At(from.inside, at) === 1) distances[next++] = Math.sqrt(f64At(squares, at));
  }
  return distances.sort();
}

function percentile95(sorted: Float64Array): number {
  const at = 0.95 * (sorted.length - 1);
  const [below, above] = [f64At(sorted, Math.floor(at)), f64At(sorted, Math.ceil(at))];
  return below + (at - Math.floor(at)) * (above - below);
}
