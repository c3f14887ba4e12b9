/**
 * One step of DP-SGD as accountants see it: each unit is drawn with chance `rate` (Poisson sampling), what the drawn ones add is at most 1
 * long, and normal noise of standard deviation `sigma` is added to the sum. Data sets that differ by one unit, added or removed, are
 * neighbours.
 */
export interface SampledGaussian {
  /** Chance with which a unit is drawn: over 0, at most 1. */
  readonly rate: number;
  /** Of the noise, as a multiple of the most that one unit adds. */
  readonly sigma: number;
}

/** A mechanism that is used several times. */
export interface Event extends SampledGaussian {
  readonly steps: number;
}

/** @throws RangeError: what comes from a job was checked before */
export function requireMechanism({ rate, sigma }: SampledGaussian): void {
  if (!(rate > 0 && rate <= 1)) throw new RangeError(`A sampling rate is over 0 and at most 1, not ${rate}.`);
  if (!(sigma > 0 && sigma < Number.POSITIVE_INFINITY))
    throw new RangeError(`Noise is a number over 0, not ${sigma}.`);
}

/** @throws RangeError */
export function requireSteps(steps: number): void {
  if (!(Number.isInteger(steps) && steps >= 1))
    throw new RangeError(`Steps are a whole number over 0, not ${steps}.`);
}

/** @throws RangeError */
export function requireDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`Delta is over 0 and below 1, not ${delta}.`);
}
