import type { Random } from '../../runtime/base/random.ts';
import type { Point } from './geometry.ts';
import { Lattice } from './lattice.ts';
import type { Signals } from './tissue.ts';

export const DIAGNOSES = ['glioma', 'meningioma', 'pituitary', 'no_tumor'] as const;
export type Diagnosis = (typeof DIAGNOSES)[number];

/** What the painter knows about the place it paints; distances in mm, negative inside. */
export interface Ground {
  /** To the inner table of the skull. */
  readonly cavity: number;
  /** To the midline fissure. */
  readonly midline: number;
  /** Share of white matter. */
  readonly white: number;
}

/** One tumour: where it lies, how it looks, and how it pushes the brain aside. Standard-head mm. */
export interface Lesion {
  readonly centre: readonly [number, number, number];
  /** How far from the centre anything differs from a healthy head. */
  readonly reach: number;
  /** Greatest displacement of the brain, at the tumour's surface. */
  readonly push: number;
  /** Distance of `p` to the tumour's surface. */
  distance(p: Point): number;
  /** Brightness at `p`, where healthy tissue has `under`; `distance` as above. */
  paint(p: Point, under: number, at: Ground & { distance: number }): number;
}

/** What a tumour is painted with. */
export interface Paint {
  readonly signals: Signals;
  /** Edge of a voxel in mm. */
  readonly width: number;
}

export function uniform(random: Random, low: number, high: number): number {
  return low + (high - low) * random.next();
}

export function side(random: Random): -1 | 1 {
  return random.next() < 0.5 ? -1 : 1;
}

/** A ball with an uneven surface: what all tumours start from. */
export class Ball {
  readonly centre: readonly [number, number, number];
  readonly radius: number;
  readonly #rough: number;
  readonly #bumps: Lattice;

  constructor(
    random: Random,
    of: { centre: readonly [number, number, number]; radius: number; rough: number },
  ) {
    this.centre = of.centre;
    this.radius = of.radius;
    this.#rough = of.rough;
    this.#bumps = new Lattice(random, of.radius * 0.8);
  }

  distance(p: Point): number {
    const x = p.x - this.centre[0];
    const y = p.y - this.centre[1];
    const z = p.z - this.centre[2];
    return Math.sqrt(x * x + y * y + z * z) - this.radius * (1 + this.#rough * this.#bumps.at(p));
  }

  /** Smooth texture within the tumour, about -1 to 1. */
  texture(p: Point): number {
    return this.#bumps.at(p, 1.7);
  }
}

/** Shifts `p` back to where its tissue was before the tumour grew; fades out towards the skull, which does not give way. */
export function unpush(p: Point, lesion: Lesion, at: { distance: number; cavity: number }): void {
  const x = p.x - lesion.centre[0];
  const y = p.y - lesion.centre[1];
  const z = p.z - lesion.centre[2];
  const away = Math.sqrt(x * x + y * y + z * z);
  if (away === 0) return;
  const room = Math.min(1, Math.max(0, -at.cavity / 12));
  const back = (lesion.push * Math.exp(-Math.max(0, at.distance) / 14) * room) / away;
  p.x -= x * back;
  p.y -= y * back;
  p.z -= z * back;
}
