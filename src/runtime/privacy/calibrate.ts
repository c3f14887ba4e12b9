import { gaussianEpsilon } from './gaussian.ts';
import type { Event } from './mechanism.ts';
import { pldEpsilon } from './pld.ts';
import { epsilonOfRdp, rdpCurve } from './rdp.ts';

/** What epsilon is worked out by: Renyi divergences, or privacy loss distributions, which are tighter for steps that are fixed beforehand. */
export type Accountant = 'rdp' | 'pld';
/** On a grid ten times as wide: quick, and hardly looser. */
type Quick = 'coarse pld';
const COARSE = 1e-2;

/** The epsilon of steps at a delta. */
export function epsilonBy(accountant: Accountant | Quick, event: Event, delta: number): number {
  if (accountant === 'rdp') return epsilonOfRdp(rdpCurve(event), delta).epsilon;
  // The whole set in each step: known in closed form.
  if (event.rate === 1) return gaussianEpsilon(event.sigma / Math.sqrt(event.steps), delta);
  return pldEpsilon(event, delta, accountant === 'pld' ? undefined : COARSE);
}

export interface Wish {
  readonly rate: number;
  readonly steps: number;
  readonly epsilon: number;
  readonly delta: number;
}

/** Between these the noise is looked for; beyond them nothing is learnt, or nothing is hidden. */
const [LEAST, MOST] = [0.05, 1e6];
/** How near the least noise is come to. */
const PRECISION = 1e-4;

/**
 * The least noise that keeps to an epsilon, from above by at most 1e-4 of itself: it never misses what was asked for.
 * @returns undefined where no noise in reach does
 */
export function noiseFor(wish: Wish, accountant: Accountant): number | undefined {
  const { rate, steps, epsilon, delta } = wish;
  const key = [accountant, rate, steps, epsilon, delta].join();
  if (!found.has(key)) found.set(key, leastNoise(wish, accountant));
  return found.get(key);
}

/** A job is asked for its noise by each of its checks, and by each of its tasks. */
const found = new Map<string, number | undefined>();

function leastNoise(wish: Wish, accountant: Accountant | Quick): number | undefined {
  const { rate, steps, epsilon, delta } = wish;
  const tryOut = (sigma: number): Tried => {
    const ratio = epsilonBy(accountant, { rate, steps, sigma }, delta) / epsilon;
    return { sigma, excess: ratio > 0 ? Math.min(FAR, Math.log(ratio)) : -FAR };
  };
  const [near, factor] = startOf(wish, accountant);
  if (near === undefined) return undefined;
  let high = tryOut(near);
  while (high.excess > 0) {
    if (high.sigma >= MOST) return undefined;
    high = tryOut(high.sigma * factor);
  }
  for (;;) {
    const low = tryOut(high.sigma / factor);
    if (low.excess > 0) return closedIn(low, high, tryOut);
    if (low.sigma < LEAST) return high.sigma;
    high = low;
  }
}

/** Where to begin, and by what factor to go on: what is quicker to work out comes to a little more noise. */
function startOf(wish: Wish, accountant: Accountant | Quick): readonly [number | undefined, number] {
  if (accountant === 'pld') return [leastNoise(wish, 'coarse pld'), 1.001];
  return accountant === 'rdp' ? [1, 2] : [noiseFor(wish, 'rdp'), 1.1];
}

/** A logarithm of a ratio that says no more than that it is large. */
const FAR = 100;

interface Tried {
  readonly sigma: number;
  /** Logarithm of the epsilon over that which was asked for. */
  readonly excess: number;
}

/** Between a noise that is too little and one that is enough, by the line through them; by halves where that creeps. */
function closedIn(low: Tried, high: Tried, tryOut: (sigma: number) => Tried): number {
  for (let turn = 0; high.sigma / low.sigma - 1 > PRECISION; turn++) {
    const share = low.excess / (low.excess - high.excess);
    const [from, to] = [Math.log(low.sigma), Math.log(high.sigma)];
    const guess = turn % 3 === 2 ? (from + to) / 2 : from + share * (to - from);
    // A little past the guess, so that the next one comes from the other side.
    const near = Math.exp(guess + (turn % 2 === 0 ? 0.4 : -0.4) * PRECISION);
    const sigma = Math.min(high.sigma * (1 - PRECISION / 4), Math.max(low.sigma * (1 + PRECISION / 4), near));
    const tried = tryOut(sigma);
    if (tried.excess > 0) low = tried;
    else high = tried;
  }
  return high.sigma;
}
