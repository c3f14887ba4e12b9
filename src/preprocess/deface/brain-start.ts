import { f32At, f64At, u8At } from '../../runtime/base/at.ts';
import type { Vector } from '../nifti/affine.ts';
import { quantile, sortedSample } from '../picture/quantiles.ts';
import type { Brightness } from './brain-surface.ts';
import type { HeadGrid } from './head-grid.ts';

/** Of the sphere that becomes the surface of the brain. */
export const START_RADIUS_MM = 35;
/** From the top of the head to a place within any brain, and the depths between which its middle is looked for. */
const START_DEPTH_MM = 70;
const MIDDLE_DEPTHS_MM = [35, 75] as const;
/** The least area of a slice at the top of a head. */
const TOP_MM2 = 1000;

/**
 * A place within the brain, under the top of the head, and how bright it is there.
 * @param head its mask
 * @returns undefined where the head has no such place
 */
export function startIn(
  grid: HeadGrid,
  head: Uint8Array,
): { centre: Vector; brightness: Brightness } | undefined {
  const { shape, data, origin, voxel } = grid;
  const [nx, ny, nz] = shape;
  const areas = new Float64Array(nz);
  for (let k = 0, at = 0; k < nz; k++)
    for (let n = 0; n < nx * ny; n++, at++) areas[k] = f64At(areas, k) + u8At(head, at) * voxel * voxel;
  const top = areas.findLastIndex((area) => area >= TOP_MM2);
  if (top < 0) return undefined;
  const topMm = origin[2] + top * voxel;
  let [sumX, sumY, count] = [0, 0, 0];
  for (let k = 0, at = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++, at++) {
        const depth = (top - k) * voxel;
        if (u8At(head, at) === 0 || depth < MIDDLE_DEPTHS_MM[0] || depth > MIDDLE_DEPTHS_MM[1]) continue;
        sumX += i;
        sumY += j;
        count++;
      }
  if (count === 0) return undefined;
  const centre: Vector = [
    origin[0] + (voxel * sumX) / count,
    origin[1] + (voxel * sumY) / count,
    topMm - START_DEPTH_MM,
  ];
  const sorted = sortedSample(data);
  const [low, high] = [quantile(sorted, 0.02), quantile(sorted, 0.98)];
  const median = medianNear(grid, centre, low);
  return median === undefined
    ? undefined
    : { centre, brightness: { low, threshold: low + 0.1 * (high - low), median } };
}

/** Of the values within the sphere to begin with. */
function medianNear(
  { shape, data, origin, voxel }: HeadGrid,
  centre: Vector,
  low: number,
): number | undefined {
  const values: number[] = [];
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at++) {
        const x = origin[0] + voxel * i - centre[0];
        const y = origin[1] + voxel * j - centre[1];
        const z = origin[2] + voxel * k - centre[2];
        if (x * x + y * y + z * z >= START_RADIUS_MM * START_RADIUS_MM) continue;
        const value = f32At(data, at);
        if (value > low) values.push(value);
      }
  return values.sort((a, b) => a - b)[values.length >> 1];
}
