import type { Random } from '../../runtime/base/random.ts';
import { Lattice } from './lattice.ts';

/** What makes one head differ from the next; lengths in mm. */
export interface Subject {
  /** Size along right, anterior, superior against the standard head. */
  readonly scale: readonly [number, number, number];
  /** Position of the head in the scanner. */
  readonly shift: readonly [number, number, number];
  /** Rows of the rotation from scanner to head. */
  readonly turn: readonly [Row, Row, Row];
  /** Irregular shape: displacements along the three axes, and how far they reach. */
  readonly warp: readonly [Lattice, Lattice, Lattice];
  readonly warpAmount: number;
  /** Size of the ventricles against the standard, and half the width of a sulcus. */
  readonly ventricles: number;
  readonly sulcus: number;
  readonly cortex: number;
  readonly fat: number;
  readonly skull: number;
  /** Where sulci run: two families of sheets that cross, and how deep they go. */
  readonly folds: Lattice;
  readonly crossFolds: Lattice;
  readonly depth: Lattice;
}

type Row = readonly [number, number, number];

/** Draws a head. Nothing in it depends on the diagnosis. */
export function drawSubject(random: Random): Subject {
  const around = (mean: number, spread: number) => mean * (1 + spread * clamped(random));
  const size = around(1, 0.015);
  return {
    scale: [size * around(1, 0.02), size * around(1, 0.02), size * around(1, 0.02)],
    shift: [2 * clamped(random), 2.5 * clamped(random), 2.5 * clamped(random)],
    turn: rotation(0.05 * clamped(random), 0.05 * clamped(random), 0.05 * clamped(random)),
    warp: [new Lattice(random, 42), new Lattice(random, 42), new Lattice(random, 42)],
    warpAmount: around(2.6, 0.2),
    ventricles: around(1.25, 0.25),
    sulcus: around(0.9, 0.25),
    cortex: around(3.5, 0.11),
    fat: around(4.8, 0.35),
    skull: around(7, 0.16),
    folds: new Lattice(random, 13),
    crossFolds: new Lattice(random, 14),
    depth: new Lattice(random, 24),
  };
}

/** Standard normal, held to two deviations: a head must fit the field of view. */
export function clamped(random: Random): number {
  return Math.max(-2, Math.min(2, random.normal()));
}

/** Angles in radians about z (yaw), x (pitch), y (roll). */
function rotation(yaw: number, pitch: number, roll: number): [Row, Row, Row] {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  return [
    [cy * cr - sy * sp * sr, -sy * cp, cy * sr + sy * sp * cr],
    [sy * cr + cy * sp * sr, cy * cp, sy * sr - cy * sp * cr],
    [-cp * sr, sp, cp * cr],
  ];
}
