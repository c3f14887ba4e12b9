import { f64At } from '../../runtime/base/at.ts';
import type { Vector } from '../nifti/affine.ts';
import type { Box } from './brain-shape.ts';
import type { Mesh } from './sphere.ts';

/** Angles in degrees of the planes, from straight ahead to straight down, and how far brains reach there at most: see `share` of `Support`. */
const DIRECTIONS = [
  { degrees: 25, farthest: 0.516 },
  { degrees: 30, farthest: 0.511 },
  { degrees: 35, farthest: 0.504 },
  { degrees: 40, farthest: 0.496 },
  { degrees: 45, farthest: 0.488 },
  { degrees: 50, farthest: 0.474 },
  { degrees: 55, farthest: 0.459 },
  { degrees: 60, farthest: 0.445 },
  { degrees: 65, farthest: 0.432 },
] as const;
/** Millimetres that are kept below and in front of the brain, as in Quickshear. */
const BUFFER_MM = 10;
/** Share of its length, under the top of the brain, below which what is found is neck. */
const NECK_SHARE = 0.85;

/** A half-space in front of and below the brain: all places with `forward * y - downward * z > limit` in world millimetres. */
export interface FacePlane {
  readonly forward: number;
  readonly downward: number;
  readonly limit: number;
}

/** Where a plane touches the brain. */
export interface Support {
  readonly degrees: number;
  /** Along the plane's normal from the world's origin, in mm. */
  readonly reach: number;
  /** As `reach`, in lengths of the brain from the point half its length behind its front and 0.45 of it under its top. */
  readonly share: number;
  /** At most, in the same lengths: that of the ICBM 152 average, with the chin 15 degrees up or down and 5 % more. */
  readonly farthest: number;
  readonly point: Vector;
}

/** One for each direction. */
export function supportsOf({ points }: Mesh, [least, most]: Box): Support[] {
  const length = most[1] - least[1];
  const neck = most[2] - NECK_SHARE * length;
  const [middleY, middleZ] = [(least[1] + most[1]) / 2, most[2] - 0.45 * length];
  return DIRECTIONS.map(({ degrees, farthest }) => {
    const [forward, downward] = normalOf(degrees);
    let best = { reach: -Infinity, at: 0 };
    for (let at = 0; at < points.length; at += 3) {
      const z = f64At(points, at + 2);
      const reach = forward * f64At(points, at + 1) - downward * z;
      if (z >= neck && reach > best.reach) best = { reach, at };
    }
    const share = (best.reach - (forward * middleY - downward * middleZ)) / length;
    const point: Vector = [f64At(points, best.at), f64At(points, best.at + 1), f64At(points, best.at + 2)];
    return { degrees, reach: best.reach, share, farthest, point };
  });
}

function normalOf(degrees: number): [forward: number, downward: number] {
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}

export function planeOf({ degrees, reach }: Support): FacePlane {
  const [forward, downward] = normalOf(degrees);
  return { forward, downward, limit: reach + BUFFER_MM };
}

/** Whether no support lies farther out than that of a brain. */
export function isBrains(supports: readonly Support[]): boolean {
  return supports.every(({ share, farthest }) => share <= farthest);
}
