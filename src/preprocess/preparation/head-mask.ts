import { f32At, f64At, i32At, u8At } from '../../runtime/base/at.ts';
import { findWindow } from '../picture/intensity.ts';
import { coarseSample } from '../picture/quantiles.ts';
import type { Mask, Scan } from './scan.ts';

/**
 * The head with skull and skin, as far as a threshold finds it: Otsu's threshold, the largest part that hangs together, its holes filled.
 * A heuristic, and not a brain mask. Undefined for a volume of one value.
 */
export function findHead(scan: Pick<Scan, 'shape' | 'data'>): Mask | undefined {
  const window = findWindow(scan.data, coarseSample(scan.data));
  if (!window) return undefined;
  const { data } = scan;
  const bright = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at++) if (f32At(data, at) > window.threshold) bright[at] = 1;
  return fillHoles(largestPart(bright, scan.shape), scan.shape);
}

/** Voxels of the largest part, whose voxels touch by their faces. Of equal ones the first in the order of the file. */
export function largestPart(mask: Mask, shape: Shape): Mask {
  const runs = new Runs(mask, shape, 1);
  const sizes = new Float64Array(runs.count);
  for (let run = 0; run < runs.count; run++) {
    const part = runs.partOf(run);
    sizes[part] = f64At(sizes, part) + runs.length(run);
  }
  let best = 0;
  for (let part = 1; part < runs.count; part++) if (f64At(sizes, part) > f64At(sizes, best)) best = part;
  const result = new Uint8Array(mask.length);
  for (let run = 0; run < runs.count; run++) if (runs.partOf(run) === best) runs.fill(run, result, 1);
  return result;
}

/** Adds what no way of dark voxels leads to from the border of the volume. */
export function fillHoles(mask: Mask, shape: Shape): Mask {
  const runs = new Runs(mask, shape, 0);
  const isOutside = new Uint8Array(runs.count);
  for (let run = 0; run < runs.count; run++) if (runs.isAtBorder(run)) isOutside[runs.partOf(run)] = 1;
  const result = new Uint8Array(mask.length).fill(1);
  for (let run = 0; run < runs.count; run++)
    if (u8At(isOutside, runs.partOf(run)) === 1) runs.fill(run, result, 0);
  return result;
}

type Shape = readonly [number, number, number];

/** Voxels of one value that follow one another in a row; those that touch by faces are one part, named by its first run. */
class Runs {
  readonly #shape: Shape;
  /** Voxel of the begin of each run, and the one behind its end. */
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Of each run an earlier one of its part, or itself. */
  readonly #parents: Int32Array;
  readonly count: number;

  constructor(mask: Mask, shape: Shape, value: number) {
    this.#shape = shape;
    const [nx, ny, nz] = shape;
    const rows = ny * nz;
    const firsts = new Int32Array(rows + 1);
    const bounds: number[] = [];
    for (let row = 0; row < rows; row++) {
      firsts[row] = bounds.length >> 1;
      const end = (row + 1) * nx;
      for (let at = row * nx; at < end; at++) {
        if (u8At(mask, at) !== value) continue;
        bounds.push(at);
        while (at < end && u8At(mask, at) === value) at++;
        bounds.push(at);
      }
    }
    this.count = bounds.length >> 1;
    firsts[rows] = this.count;
    this.#starts = Int32Array.from({ length: this.count }, (_, run) => bounds[2 * run] ?? 0);
    this.#ends = Int32Array.from({ length: this.count }, (_, run) => bounds[2 * run + 1] ?? 0);
    this.#parents = Int32Array.from({ length: this.count }, (_, run) => run);
    for (let row = 0; row < rows; row++) {
      if (row % ny > 0) this.#join(firsts, row - 1, row);
      if (row >= ny) this.#join(firsts, row - ny, row);
    }
  }

  length(run: number): number {
    return i32At(this.#ends, run) - i32At(this.#starts, run);
  }

  fill(run: number, mask: Mask, value: number): void {
    mask.fill(value, i32At(this.#starts, run), i32At(this.#ends, run));
  }

  isAtBorder(run: number): boolean {
    const [nx, ny, nz] = this.#shape;
    const row = Math.floor(i32At(this.#starts, run) / nx);
    const [j, k] = [row % ny, Math.floor(row / ny)];
    if (j === 0 || j === ny - 1 || k === 0 || k === nz - 1) return true;
    return i32At(this.#starts, run) === row * nx || i32At(this.#ends, run) === (row + 1) * nx;
  }

  partOf(run: number): number {
    const parents = this.#parents;
    let part = run;
    while (i32At(parents, part) !== part) {
      // The way becomes half as long for whoever comes next.
      parents[part] = i32At(parents, i32At(parents, part));
      part = i32At(parents, part);
    }
    return part;
  }

  /** Runs of two rows that lie side by side. */
  #join(firsts: Int32Array, before: number, row: number): void {
    const shift = (row - before) * this.#shape[0];
    let other = i32At(firsts, before);
    let run = i32At(firsts, row);
    const [last, end] = [i32At(firsts, before + 1), i32At(firsts, row + 1)];
    while (other < last && run < end) {
      const otherEnd = i32At(this.#ends, other) + shift;
      const runEnd = i32At(this.#ends, run);
      if (i32At(this.#starts, run) < otherEnd && i32At(this.#starts, other) + shift < runEnd)
        this.#unite(other, run);
      if (otherEnd <= runEnd) other++;
      else run++;
    }
  }

  #unite(one: number, other: number): void {
    const [a, b] = [this.partOf(one), this.partOf(other)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }
}
