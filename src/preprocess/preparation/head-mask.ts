import { f32At, i32At, u8At } from '../../runtime/base/at.ts';
import { findWindow } from '../picture/intensity.ts';
import type { Mask, Scan } from './scan.ts';

/**
 * The head with skull and skin, as far as a threshold finds it: Otsu's threshold, the largest part that hangs together, its holes filled.
 * A heuristic, and not a brain mask. Undefined for a volume of one value.
 */
export function findHead(scan: Pick<Scan, 'shape' | 'data'>): Mask | undefined {
  const window = findWindow(scan.data);
  if (!window) return undefined;
  const { data } = scan;
  const bright = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at++) if (f32At(data, at) > window.threshold) bright[at] = 1;
  return fillHoles(largestPart(bright, scan.shape), scan.shape);
}

/** Voxels of the largest part, whose voxels touch by their faces. Of equal ones the first in the order of the file. */
export function largestPart(mask: Mask, shape: readonly [number, number, number]): Mask {
  const seen = new Uint8Array(mask.length);
  const flood = new Flood(mask, shape, { value: 1, seen });
  let best: Int32Array = new Int32Array(0);
  for (let at = 0; at < mask.length; at++) {
    if (u8At(mask, at) === 0 || u8At(seen, at) === 1) continue;
    const part = flood.from([at]);
    if (part.length > best.length) best = part.slice();
  }
  const result = new Uint8Array(mask.length);
  for (let at = 0; at < best.length; at++) result[i32At(best, at)] = 1;
  return result;
}

/** Adds what no way of dark voxels leads to from the border of the volume. */
export function fillHoles(mask: Mask, shape: readonly [number, number, number]): Mask {
  const outside = new Uint8Array(mask.length);
  new Flood(mask, shape, { value: 0, seen: outside }).from(border(shape));
  for (let at = 0; at < outside.length; at++) outside[at] = 1 - u8At(outside, at);
  return outside;
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

/** Goes from voxel to voxel of one value by faces; its memory is used again by the next one. */
class Flood {
  readonly #mask: Mask;
  readonly #shape: readonly [number, number, number];
  readonly #value: number;
  /** Not 0 for voxels that were reached. */
  readonly #seen: Uint8Array;
  readonly #queue: Int32Array;
  #tail = 0;

  constructor(
    mask: Mask,
    shape: readonly [number, number, number],
    { value, seen }: { value: number; seen: Uint8Array },
  ) {
    this.#mask = mask;
    this.#shape = shape;
    this.#value = value;
    this.#seen = seen;
    this.#queue = new Int32Array(mask.length);
  }

  /** All voxels that are reached. Good until the next call. */
  from(starts: readonly number[]): Int32Array {
    const queue = this.#queue;
    const [nx, ny, nz] = this.#shape;
    const slice = nx * ny;
    this.#tail = 0;
    for (const start of starts) this.#reach(start);
    for (let head = 0; head < this.#tail; head++) {
      const voxel = i32At(queue, head);
      const k = Math.trunc(voxel / slice);
      const rest = voxel - k * slice;
      const j = Math.trunc(rest / nx);
      const i = rest - j * nx;
      if (i > 0) this.#reach(voxel - 1);
      if (i < nx - 1) this.#reach(voxel + 1);
      if (j > 0) this.#reach(voxel - nx);
      if (j < ny - 1) this.#reach(voxel + nx);
      if (k > 0) this.#reach(voxel - slice);
      if (k < nz - 1) this.#reach(voxel + slice);
    }
    return queue.subarray(0, this.#tail);
  }

  #reach(voxel: number): void {
    if (u8At(this.#seen, voxel) !== 0 || u8At(this.#mask, voxel) !== this.#value) return;
    this.#seen[voxel] = 1;
    this.#queue[this.#tail++] = voxel;
  }
}
