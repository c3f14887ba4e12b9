import { i32At, u8At } from '../../runtime/base/at.ts';
import { findWindow } from '../picture/intensity.ts';
import type { Mask, Scan } from './scan.ts';

/**
 * The head with skull and skin, as far as a threshold finds it: Otsu's threshold, the largest part that hangs together, its holes filled.
 * A heuristic, and not a brain mask. Undefined for a volume of one value.
 */
export function findHead(scan: Pick<Scan, 'shape' | 'data'>): Mask | undefined {
  const window = findWindow(scan.data);
  if (!window) return undefined;
  const bright = Uint8Array.from(scan.data, (value) => (value > window.threshold ? 1 : 0));
  return fillHoles(largestPart(bright, scan.shape), scan.shape);
}

/** Voxels of the largest part, whose voxels touch by their faces. Of equal ones the first in the order of the file. */
export function largestPart(mask: Mask, shape: readonly [number, number, number]): Mask {
  const flood = new Flood(shape);
  const seen = new Uint8Array(mask.length);
  let best: Int32Array = new Int32Array(0);
  for (let at = 0; at < mask.length; at++) {
    if (u8At(mask, at) === 0 || u8At(seen, at) === 1) continue;
    const part = flood.from([at], (voxel) => u8At(mask, voxel) === 1, seen);
    if (part.length > best.length) best = part.slice();
  }
  const result = new Uint8Array(mask.length);
  for (const voxel of best) result[voxel] = 1;
  return result;
}

/** Adds what no way of dark voxels leads to from the border of the volume. */
export function fillHoles(mask: Mask, shape: readonly [number, number, number]): Mask {
  const outside = new Uint8Array(mask.length);
  new Flood(shape).from(border(shape), (voxel) => u8At(mask, voxel) === 0, outside);
  return outside.map((value) => 1 - value);
}

function border([nx, ny, nz]: readonly [number, number, number]): number[] {
  const voxels: number[] = [];
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++) {
      const isWhole = k === 0 || k === nz - 1 || j === 0 || j === ny - 1;
      for (let i = 0; i < nx; i += isWhole ? 1 : Math.max(1, nx - 1)) voxels.push((k * ny + j) * nx + i);
    }
  return voxels;
}

/** Goes from voxel to voxel by faces; its memory is used again by the next one. */
class Flood {
  readonly #shape: readonly [number, number, number];
  readonly #queue: Int32Array;

  constructor(shape: readonly [number, number, number]) {
    this.#shape = shape;
    this.#queue = new Int32Array(shape[0] * shape[1] * shape[2]);
  }

  /** All voxels of `isInside` that are reached; they are noted in `seen`. Good until the next call. */
  from(starts: readonly number[], isInside: (voxel: number) => boolean, seen: Uint8Array): Int32Array {
    const queue = this.#queue;
    const [nx, ny, nz] = this.#shape;
    let [head, tail] = [0, 0];
    const add = (voxel: number) => {
      if (u8At(seen, voxel) === 1 || !isInside(voxel)) return;
      seen[voxel] = 1;
      queue[tail++] = voxel;
    };
    for (const start of starts) add(start);
    while (head < tail) {
      const voxel = i32At(queue, head++);
      const i = voxel % nx;
      const j = Math.floor(voxel / nx) % ny;
      const k = Math.floor(voxel / (nx * ny));
      if (i > 0) add(voxel - 1);
      if (i < nx - 1) add(voxel + 1);
      if (j > 0) add(voxel - nx);
      if (j < ny - 1) add(voxel + nx);
      if (k > 0) add(voxel - nx * ny);
      if (k < nz - 1) add(voxel + nx * ny);
    }
    return queue.subarray(0, tail);
  }
}
