import { setImmediate } from 'node:timers/promises';
import { f32At } from '../../runtime/base/at.ts';
import { noProgress, type Progress } from '../../runtime/base/logging/progress.ts';
import { THUMBNAIL_SIDE } from './thumbnail.ts';

/** Two pictures, by index with a < b, and their normalised cross-correlation (Pearson's, -1 to 1). */
export interface Link {
  readonly a: number;
  readonly b: number;
  readonly correlation: number;
}

/** A thumbnail without mean and of length 1, and its sums over coarser and coarser blocks. */
export interface Pattern {
  readonly full: Float32Array;
  readonly levels: readonly Level[];
}

interface Level {
  /** Coordinates in the orthonormal base of equal blocks. */
  readonly blocks: Float32Array;
  /** Length of what the blocks do not hold. */
  readonly rest: number;
}

/** 8 x 8 blocks hold most of a head, 16 x 16 nearly all of it: most pairs are ruled out by 64 products. */
const BLOCKS_A_SIDE = [8, 16];
/** More than the rounding of single precision could hide. */
const SLACK = 1e-5;
const ROWS_A_TURN = 64;

/** A thumbnail without contrast becomes zeros, which correlate with nothing. */
export function toPattern(thumbnail: Uint8Array): Pattern {
  const mean = thumbnail.reduce((sum, value) => sum + value, 0) / thumbnail.length;
  const length = Math.sqrt(thumbnail.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  const full = Float32Array.from(thumbnail, (value) => (length === 0 ? 0 : (value - mean) / length));
  return { full, levels: BLOCKS_A_SIDE.map((side) => toLevel(full, side)) };
}

export function correlation(left: Pattern, right: Pattern): number {
  return Math.min(1, dot(left.full, right.full));
}

/**
 * All pairs with a correlation over the threshold, in the order of a, then b; with `others`, other forms of the same pictures, that of a with the
 * other form of b. Exact: a pair is ruled out early only when
 * the blocks and Cauchy's inequality for the rest show that it cannot reach the threshold.
 */
export async function similarPairs(
  patterns: readonly Pattern[],
  threshold: number,
  watch: { progress?: Progress; signal?: AbortSignal; others?: readonly Pattern[] } = {},
): Promise<Link[]> {
  const { progress = noProgress, signal, others = patterns } = watch;
  const links: Link[] = [];
  for (const [a, left] of patterns.entries()) {
    if (a % ROWS_A_TURN === 0) {
      await setImmediate();
      signal?.throwIfAborted();
      progress({ what: 'pictures compared', done: a, total: patterns.length });
    }
    for (let b = a + 1; b < patterns.length; b++) {
      const right = others[b] as Pattern;
      if (!mayReach(left, right, threshold)) continue;
      const value = correlation(left, right);
      if (value > threshold) links.push({ a, b, correlation: value });
    }
  }
  progress({ what: 'pictures compared', done: patterns.length, total: patterns.length });
  return links;
}

function mayReach(left: Pattern, right: Pattern, threshold: number): boolean {
  for (let at = 0; at < left.levels.length; at++) {
    const one = left.levels[at] as Level;
    const other = right.levels[at] as Level;
    if (dot(one.blocks, other.blocks) + one.rest * other.rest + SLACK <= threshold) return false;
  }
  return true;
}

function toLevel(full: Float32Array, side: number): Level {
  const span = THUMBNAIL_SIDE / side;
  const blocks = new Float32Array(side * side);
  for (let at = 0; at < full.length; at++) {
    const x = Math.floor((at % THUMBNAIL_SIDE) / span);
    const block = Math.floor(at / THUMBNAIL_SIDE / span) * side + x;
    blocks[block] = f32At(blocks, block) + f32At(full, at) / span;
  }
  return { blocks, rest: Math.sqrt(Math.max(0, 1 - dot(blocks, blocks))) };
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += f32At(left, at) * f32At(right, at);
  return sum;
}
