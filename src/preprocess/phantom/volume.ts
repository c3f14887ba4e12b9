import { f32At } from '../../runtime/base/at.ts';
import { createRandom, type Random } from '../../runtime/base/random.ts';
import { centredAffine } from '../nifti/affine.ts';
import { reorient, type Volume } from '../nifti/orient.ts';
import type { Point } from './geometry.ts';
import { Head } from './head.ts';
import { Lattice } from './lattice.ts';
import type { Diagnosis } from './lesion.ts';
import type { Scanner } from './scanner.ts';
import { clamped, drawSubject, type Subject } from './subject.ts';
import { signalsOf, type Tissue } from './tissue.ts';
import { drawLesion } from './tumours.ts';

/** Voxels along right, anterior, superior. */
export type Grid = readonly [number, number, number];

/** One simulated examination. */
export interface Examination {
  readonly image: Volume<Int16Array>;
  /** 1 in the tumour, 0 elsewhere; in a healthy head 0 everywhere. */
  readonly mask: Volume<Uint8Array>;
}

/** What fixes an examination, byte for byte. */
export interface Order {
  readonly seed: number;
  /** Names the subject's own random numbers. */
  readonly participant: string;
  readonly diagnosis: Diagnosis;
  readonly scanner: Scanner;
  readonly grid: Grid;
}

/** Spread of T1 between subjects, where it is not 4.5 %: fat and enhancement differ most. */
const VARIATION: Partial<Record<Tissue, number>> = { fat: 0.18, marrow: 0.2, blood: 0.12, enhancing: 0.1 };

/** Field of view along the head's width, in mm, before the scanner's own factor. */
const WIDTH_MM = 184;
/** The middle of the image in the standard head, in mm. */
const MIDDLE: Grid = [0, 2, 14.5];

/**
 * A T1-weighted head after contrast agent: anatomy and tumour drawn from the seed, seen by the site's scanner, stored in
 * its orientation. About 1 microsecond a voxel.
 */
export function simulate(order: Order): Examination {
  const { scanner, grid } = order;
  const edge = WIDTH_MM / grid[0];
  const voxel = [edge * scanner.edges[0], edge * scanner.edges[1], edge * scanner.edges[2]] as const;
  const random = (part: string) => createRandom(order.seed, 'phantom', order.participant, part);
  const tissues = random('tissues');
  const signals = signalsOf(scanner, (tissue) => 1 + (VARIATION[tissue] ?? 0.045) * clamped(tissues));
  const width = (voxel[0] + voxel[1] + voxel[2]) / 3;
  const lesion = drawLesion(order.diagnosis, random('lesion'), { signals, width });
  const subject = drawSubject(random('subject'));
  const clean = new Float32Array(grid[0] * grid[1] * grid[2]);
  const mask = new Uint8Array(clean.length);
  paint({ head: new Head(subject, { signals, width }, lesion), subject, grid, voxel, clean, mask });
  const data = acquire(clean, { scanner, grid, random: random('scan') });
  const affine = centredAffine(grid, voxel);
  return {
    image: reorient({ shape: grid, data, affine }, scanner.orientation),
    mask: reorient({ shape: grid, data: mask, affine }, scanner.orientation),
  };
}

interface Canvas {
  readonly head: Head;
  readonly subject: Subject;
  readonly grid: Grid;
  readonly voxel: Grid;
  readonly clean: Float32Array;
  readonly mask: Uint8Array;
}

function paint({ head, subject, grid, voxel, clean, mask }: Canvas): void {
  const p: Point = { x: 0, y: 0, z: 0 };
  let at = 0;
  for (let k = 0; k < grid[2]; k++) {
    for (let j = 0; j < grid[1]; j++) {
      for (let i = 0; i < grid[0]; i++, at++) {
        p.x = (i - (grid[0] - 1) / 2) * voxel[0];
        p.y = (j - (grid[1] - 1) / 2) * voxel[1];
        p.z = (k - (grid[2] - 1) / 2) * voxel[2];
        toHead(p, subject);
        clean[at] = head.at(p);
        mask[at] = head.lesionShare > 0.5 ? 1 : 0;
      }
    }
  }
}

/** From the scanner's millimetres to those of the standard head. */
function toHead(p: Point, { turn, shift, scale, warp, warpAmount }: Subject): void {
  const x = p.x - shift[0];
  const y = p.y - shift[1];
  const z = p.z - shift[2];
  p.x = (turn[0][0] * x + turn[0][1] * y + turn[0][2] * z) / scale[0] + MIDDLE[0];
  p.y = (turn[1][0] * x + turn[1][1] * y + turn[1][2] * z) / scale[1] + MIDDLE[1];
  p.z = (turn[2][0] * x + turn[2][1] * y + turn[2][2] * z) / scale[2] + MIDDLE[2];
  const [dx, dy, dz] = [warp[0].at(p), warp[1].at(p), warp[2].at(p)];
  p.x += warpAmount * dx;
  p.y += warpAmount * dy;
  p.z += warpAmount * dz;
}

/**
 * Receive field, grey curve, gain, and noise of a magnitude image: sqrt((s + n1)^2 + n2^2) with two normal channels
 * (Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", 1995).
 */
function acquire(
  clean: Float32Array,
  { scanner, grid, random }: { scanner: Scanner; grid: Grid; random: Random },
): Int16Array {
  const field = new Lattice(random, 1);
  const [cells, strength] = [2.4 / grid[0], scanner.bias * (0.8 + 0.4 * random.next())];
  const gain = scanner.gain * (1 + 0.12 * (2 * random.next() - 1));
  const out = new Int16Array(clean.length);
  const p: Point = { x: 0, y: 0, z: 0 };
  let at = 0;
  for (let k = 0; k < grid[2]; k++) {
    for (let j = 0; j < grid[1]; j++) {
      for (let i = 0; i < grid[0]; i++, at++) {
        p.x = i * cells;
        p.y = j * cells;
        p.z = k * cells;
        const bias = 1 + (strength / 2) * Math.max(-1, Math.min(1, field.at(p)));
        const s = f32At(clean, at) ** scanner.gamma * bias + scanner.noise * random.normal();
        const other = scanner.noise * random.normal();
        out[at] = Math.min(32767, Math.round(gain * Math.sqrt(s * s + other * other)));
      }
    }
  }
  return out;
}
