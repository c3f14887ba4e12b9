import { f64At } from '../../base/at.ts';
import { gaussianDelta } from '../gaussian.ts';
import { tailQuantile, upperTail } from '../normal.ts';
import { upperTails } from './binomial.ts';

/** What an attack on one run came to: of `canaries`, each in the data or not by a coin, it named `guesses`, of which `right` were. */
export interface Guessed {
  readonly canaries: number;
  readonly guesses: number;
  readonly right: number;
}

/** One-sided: how often a bound may be above the truth. */
const SIGNIFICANCE = 0.05;
/** A bound is worked out to here; no attack on as many canaries as fit in memory comes near it. */
const MOST_EPSILON = 64;
const PRECISION = 1e-4;

/**
 * The epsilon that a mechanism has at least at this delta, with 95 % confidence (Steinke, Nasr and Jagielski, "Privacy auditing with one (1)
 * training run", 2023, theorem 5.2).
 */
export function oneRunBound(guessed: Guessed, delta: number): number {
  return largestRefuted((epsilon) => chanceOf(guessed, epsilon, delta) < SIGNIFICANCE);
}

/** That so many guesses are right, at most, under (epsilon, delta). */
function chanceOf({ canaries, guesses, right }: Guessed, epsilon: number, delta: number): number {
  const tails = upperTails(guesses, 1 / (1 + Math.exp(-epsilon)));
  const own = f64At(tails, right);
  let alpha = 0;
  for (let less = 1; less <= right; less++)
    alpha = Math.max(alpha, (f64At(tails, right - less) - own) / less);
  return own + alpha * delta * 2 * canaries;
}

/**
 * The same for a mechanism whose trade-off is that of a Gaussian one, as that of DP-SGD nearly is: a tighter bound (Mahloujifar, Melis and
 * Chaudhuri, "Auditing f-differential privacy in one run", 2024, algorithm 3).
 */
export function gaussianOneRunBound(guessed: Guessed, delta: number): number {
  return largestRefuted((epsilon) => isRefuted(guessed, shiftOf(epsilon, delta)));
}

/** @param shift of the mean that one unit makes, over the deviation */
function isRefuted({ canaries, guesses, right }: Guessed, shift: number): boolean {
  const blownUp = (chance: number) =>
    chance <= 0 ? 0 : chance >= 1 ? 1 : upperTail(tailQuantile(chance) + shift);
  let [correct, wrong] = [(SIGNIFICANCE * right) / canaries, (SIGNIFICANCE * (guesses - right)) / canaries];
  for (let at = right - 1; at >= 0; at--) {
    const next = Math.max(wrong, blownUp(correct));
    // Neither changes any more.
    if (next === wrong) break;
    correct = Math.min(1, correct + (at / (guesses - at)) * (next - wrong));
    wrong = next;
  }
  return correct + wrong > guesses / canaries;
}

/** How far a Gaussian mechanism of this epsilon and delta moves its mean for one unit. */
function shiftOf(epsilon: number, delta: number): number {
  let [low, high] = [0, 1];
  while (gaussianDelta(epsilon, 1 / high) < delta) [low, high] = [high, 2 * high];
  while (high - low > 1e-10 * high) {
    const middle = (low + high) / 2;
    if (gaussianDelta(epsilon, 1 / middle) < delta) low = middle;
    else high = middle;
  }
  return low;
}

/** What is refuted at an epsilon is refuted below it. */
function largestRefuted(isRefutedAt: (epsilon: number) => boolean): number {
  if (!isRefutedAt(0)) return 0;
  let [low, high] = [0, 1];
  while (high < MOST_EPSILON && isRefutedAt(high)) [low, high] = [high, 2 * high];
  while (high - low > PRECISION) {
    const middle = (low + high) / 2;
    if (isRefutedAt(middle)) low = middle;
    else high = middle;
  }
  return low;
}
