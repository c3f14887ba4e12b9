import { f32At, f64At, i32At } from '../../runtime/base/at.ts';
import { AXES, type Vector } from '../nifti/affine.ts';
import type { HeadGrid } from './head-grid.ts';
import type { Mesh } from './sphere.ts';

/** Length, width, height in mm and content in ml of brains, of small children and of the largest adults. */
const SIZES = { length: [110, 215], width: [90, 175], height: [80, 190], ml: [600, 2200] } as const;
/** How far outside a brain the surface of the head is looked for. */
const FARTHEST_SKIN_MM = 45;

/** Least and greatest along each axis. */
export type Box = readonly [Vector, Vector];

export function boxOf({ points }: Mesh): Box {
  const least: [number, number, number] = [Infinity, Infinity, Infinity];
  const most: [number, number, number] = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < points.length; at += 3)
    for (const axis of AXES) {
      const value = f64At(points, at + axis);
      least[axis] = Math.min(least[axis], value);
      most[axis] = Math.max(most[axis], value);
    }
  return [least, most];
}

/** Whether a box and its content are a brain's. */
export function isSized([least, most]: Box, ml: number): boolean {
  const [width, length, height] = [most[0] - least[0], most[1] - least[1], most[2] - least[2]];
  const within = (value: number, [least, most]: readonly [number, number]) => value >= least && value <= most;
  return (
    within(length, SIZES.length) &&
    within(width, SIZES.width) &&
    within(height, SIZES.height) &&
    within(ml, SIZES.ml)
  );
}

/** Cubic millimetres within the surface; negative where it is turned inside out. */
export function contentOf({ points, triangles }: Mesh): number {
  let sum = 0;
  const at = (corner: number, axis: number) => f64At(points, 3 * i32At(triangles, corner) + axis);
  for (let n = 0; n < triangles.length; n += 3)
    sum +=
      at(n, 0) * (at(n + 1, 1) * at(n + 2, 2) - at(n + 1, 2) * at(n + 2, 1)) +
      at(n, 1) * (at(n + 1, 2) * at(n + 2, 0) - at(n + 1, 0) * at(n + 2, 2)) +
      at(n, 2) * (at(n + 1, 0) * at(n + 2, 1) - at(n + 1, 1) * at(n + 2, 0));
  return sum / 6;
}

/** The middle distance from the upper half of the brain, away from its middle, to the outside of the head, where values are over `air`. */
export function skullOf({ points }: Mesh, { shape, data, origin, voxel }: HeadGrid, air: number): number {
  const middle = [0, 1, 2].map((axis) => meanOf(points, axis)) as [number, number, number];
  const distances: number[] = [];
  for (let at = 0; at < points.length; at += 3) {
    const from: Vector = [f64At(points, at), f64At(points, at + 1), f64At(points, at + 2)];
    if (from[2] < middle[2]) continue;
    const away = from.map((value, axis) => value - (middle[axis] ?? 0));
    const length = Math.hypot(...away);
    const valueAt = (distance: number) => {
      const index = from.map((value, axis) => {
        const place = value + (distance * (away[axis] ?? 0)) / length;
        return Math.round((place - (origin[axis] ?? 0)) / voxel);
      });
      const [i = 0, j = 0, k = 0] = index;
      if (i < 0 || j < 0 || k < 0 || i >= shape[0] || j >= shape[1] || k >= shape[2]) return -Infinity;
      return f32At(data, (k * shape[1] + j) * shape[0] + i);
    };
    let distance = FARTHEST_SKIN_MM;
    while (distance > 0 && valueAt(distance) <= air) distance -= 1;
    distances.push(distance);
  }
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 0;
}

function meanOf(points: Float64Array, axis: number): number {
  let sum = 0;
  for (let at = axis; at < points.length; at += 3) sum += f64At(points, at);
  return (3 * sum) / points.length;
}
