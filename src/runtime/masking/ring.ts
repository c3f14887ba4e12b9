import { numberAt } from '../base/at.ts';

/**
 * Numbers of a model as words of the ring of integers modulo 2^32, in which masks vanish from a sum without a trace. Each site's numbers
 * are multiplied by its share of all weight before they are rounded to a grid: shares add up to 1, so the sum of all sites stays within
 * RANGE / GRID = 2^30 and half a step a site, and cannot leave 31 bits however many sites there are, whatever they send.
 */

/** What a word is worth: 2^-26. A sum of n sites is at most n / 2 of it away from that of the numbers. */
export const GRID = 2 ** -26;
/** The largest number that goes into the ring: 2^4. */
export const RANGE = 16;

const STEPS = 1 / GRID;
/** The largest sum. */
const LARGEST = 2 ** 31 - 1;

/** Of all weight, in the order of the weights. @param weights positive and finite */
export function sharesOf(weights: readonly number[]): readonly number[] {
  const wrong = weights.findIndex((weight) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong !== -1) throw new RangeError(`A weight is ${numberAt(weights, wrong)}.`);
  const largest = Math.max(...weights);
  // Of the largest first: the sum of very large ones is no number.
  const parts = weights.map((weight) => weight / largest);
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/**
 * Rounds numbers times a share to the grid, halves up.
 * @param out as long as `values`; what is in it after a number outside is of no use
 * @returns index of the first number that is none, or is outside of ±RANGE; -1 for none
 */
export function toRing(values: ArrayLike<number>, share: number, out: Int32Array): number {
  const scale = share * STEPS;
  for (let index = 0; index < out.length; index++) {
    const value = Number(values[index]);
    if (!(Math.abs(value) <= RANGE)) return index;
    out[index] = Math.round(value * scale);
  }
  return -1;
}

/** The numbers that a sum of words stands for. @param share of all weight, that of those in the sum @param out as long as `sum` */
export function fromRing(sum: Int32Array, share: number, out: Float64Array): void {
  const step = GRID / share;
  for (let index = 0; index < sum.length; index++) out[index] = (sum[index] ?? 0) * step;
}

/** The largest count that each of so many sites may send so that their sum stays in the ring. */
export function largestCount(sites: number): number {
  return Math.floor(LARGEST / sites);
}

/** Adds words to a sum, modulo 2^32. */
export function addWords(sum: Int32Array, words: Int32Array): void {
  for (let index = 0; index < sum.length; index++) sum[index] = ((sum[index] ?? 0) + (words[index] ?? 0)) | 0;
}

/** Takes words from a sum, modulo 2^32. */
export function subtractWords(sum: Int32Array, words: Int32Array): void {
  for (let index = 0; index < sum.length; index++) sum[index] = ((sum[index] ?? 0) - (words[index] ?? 0)) | 0;
}
