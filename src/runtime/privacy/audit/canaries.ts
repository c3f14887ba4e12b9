import { f64At, u8At } from '../../base/at.ts';
import { createRandom } from '../../base/random.ts';
import type { Grid } from '../grid.ts';
import type { StepTerms } from '../private-steps.ts';

/** What a mechanism of DP-SGD is looked at by: who is drawn, and what is let out. */
export interface Mechanism {
  draw(): number[];
  release(sum: Float64Array): Float32Array;
}

/** Terms of a job, for as many groups as there are canaries: each has a number of its own in the gradient, `groups` = `parameters`. */
export interface CanaryTerms extends StepTerms {
  readonly steps: number;
  readonly grid: Grid;
}

/** What was let out of steps on canaries of which each is in the data or not, by a coin; numbers are in lengths of the clip. */
export interface CanaryRun {
  /** [canaries]: 1 for those in the data. */
  readonly isIn: Uint8Array;
  /** [canaries]: of all steps. */
  readonly sums: Float64Array;
  /** Of the canaries that are not in the data: how one step hangs together with the next, for each but the last. */
  readonly correlations: readonly number[];
  /** Numbers that are not on the grid. */
  readonly offGrid: number;
}

/** A float32 of this many steps of the grid may err by so much of one. */
const ROUNDING = { least: 0.02, share: 1e-6 };

/**
 * Takes the steps of a job on canaries: each that is in the data and drawn adds the most that a group may add, to a number of its own.
 * @param tell how many steps were taken
 */
export async function runCanaries(
  mechanism: Mechanism,
  { groups: canaries, rate, clip, steps, grid }: CanaryTerms,
  { seed, tell }: { readonly seed: number; readonly tell?: (steps: number) => Promise<void> },
): Promise<CanaryRun> {
  const random = createRandom('canaries', seed);
  const isIn = Uint8Array.from({ length: canaries }, () => random.int(2));
  const sums = new Float64Array(canaries);
  const correlations: number[] = [];
  let before: Float64Array | undefined;
  let offGrid = 0;
  for (let step = 0; step < steps; step++) {
    const sum = new Float64Array(canaries);
    for (const group of mechanism.draw()) if (u8At(isIn, group) === 1) sum[group] = grid.perClip;
    const mean = mechanism.release(sum);
    // The divisor is the number of groups that is drawn on average, whoever was.
    const released = Float64Array.from(mean, (value) => (value * rate * canaries) / clip);
    for (const [at, value] of released.entries()) {
      sums[at] = f64At(sums, at) + value;
      const inSteps = value * grid.perClip;
      const error = Math.abs(inSteps - Math.round(inSteps));
      if (error > ROUNDING.least + Math.abs(inSteps) * ROUNDING.share) offGrid++;
    }
    const noise = released.filter((_, at) => u8At(isIn, at) === 0);
    if (before) correlations.push(correlationOf(before, noise));
    before = noise;
    await tell?.(step + 1);
  }
  return { isIn, sums, correlations, offGrid };
}

/** Who is in the data, guessed by the numbers: the largest are, the smallest are not. @param share of the canaries that are guessed */
export function guess({ isIn, sums }: CanaryRun, share: number) {
  const order = Int32Array.from(sums.keys()).sort((a, b) => f64At(sums, a) - f64At(sums, b) || a - b);
  const half = Math.max(1, Math.round((order.length * share) / 2));
  const largest = order.slice(-half).reduce((count, at) => count + u8At(isIn, at), 0);
  const smallest = order.slice(0, half).reduce((count, at) => count + 1 - u8At(isIn, at), 0);
  return { canaries: order.length, guesses: 2 * half, right: largest + smallest };
}

export function momentsOf(values: Float64Array): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
}

function correlationOf(a: Float64Array, b: Float64Array): number {
  const [left, right] = [momentsOf(a), momentsOf(b)];
  let sum = 0;
  for (const [at, value] of a.entries()) sum += (value - left.mean) * (f64At(b, at) - right.mean);
  // Numbers that are all the same are those of no noise: what is wrong with them is said by their variance.
  const scale = Math.sqrt(left.variance * right.variance);
  return scale === 0 ? 0 : sum / a.length / scale;
}
