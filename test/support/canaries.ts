import { PrivateSteps } from '../../src/runtime/privacy/private-steps.ts';
import { secretRandom } from '../../src/runtime/privacy/secret-random.ts';

/** What a mechanism of DP-SGD is looked at by: who is drawn, and what is let out. */
export interface Mechanism {
  draw(): number[];
  release(sum: Float64Array): Float32Array;
}

export const CANARIES = {
  /** Groups, of whom each adds the most there may be to a number of its own. */
  groups: 10_000,
  /** And as many numbers that nobody adds to. */
  parameters: 20_000,
  rate: 0.1,
  sigma: 1.1,
  clip: 2,
  steps: 12,
} as const;

export function steps(key: Uint8Array): PrivateSteps {
  return new PrivateSteps(CANARIES, secretRandom(key));
}

/** Standard errors beyond which a moment is not what the mechanism promises. */
const MOST = 4.5;

/**
 * What a mechanism does otherwise than it says, by 20,000 canaries: numbers of the released sum that a group adds to have a mean of rate x steps, the
 * others 0; the variance of all follows from the noise, no step is like another, and all is in whole steps of the grid.
 */
export function momentFaults(mechanism: Mechanism, perClip: number): string[] {
  const { groups, parameters, rate, clip, steps: count } = CANARIES;
  const sums = new Float64Array(parameters);
  const seen: Float64Array[] = [];
  let broken = 0;
  for (let step = 0; step < count; step++) {
    const sum = new Float64Array(parameters);
    for (const group of mechanism.draw()) sum[group] = perClip;
    const mean = mechanism.release(sum);
    // In units of the clip: the divisor is the number of groups that is drawn on average, whoever was.
    const inClips = Float64Array.from(mean, (value) => (value * rate * groups) / clip);
    for (const [at, value] of inClips.entries()) {
      sums[at] = (sums[at] ?? 0) + value;
      const steps = value * perClip;
      if (Math.abs(steps - Math.round(steps)) > 0.02 + Math.abs(steps) * 1e-6) broken++;
    }
    seen.push(inClips.slice(groups));
  }
  return [...judged(sums), ...correlated(seen), ...(broken > 0 ? ['it is not on the grid'] : [])];
}

function judged(sums: Float64Array): string[] {
  const { groups, parameters, rate, sigma, steps: count } = CANARIES;
  const scale = new PrivateSteps(CANARIES, secretRandom(new Uint8Array(32))).grid;
  const noise = count * ((sigma * scale.sensitivity) / scale.perClip) ** 2;
  const drawn = noise + count * rate * (1 - rate);
  const parts = [
    ['drawn', sums.subarray(0, groups), rate * count, drawn],
    ['left out', sums.subarray(groups), 0, noise],
  ] as const;
  const faults = parts.flatMap(([name, values, mean, variance]) => {
    const found = momentsOf(values);
    const meanError = (found.mean - mean) / Math.sqrt(variance / values.length);
    const varianceError = (found.variance / variance - 1) / Math.sqrt(2 / values.length);
    return [
      ...(Math.abs(meanError) > MOST
        ? [`the mean of those ${name} is off by ${meanError.toFixed(1)} errors`]
        : []),
      ...(Math.abs(varianceError) > MOST
        ? [`the variance of those ${name} is off by ${varianceError.toFixed(1)} errors`]
        : []),
    ];
  });
  // Half of the numbers without noise would be seen by their own variance.
  const quarter = (parameters - groups) / 4;
  const quarters = [0, 1, 2, 3].map((at) =>
    sums.subarray(groups + at * quarter, groups + (at + 1) * quarter),
  );
  const uneven = quarters.some((values) => {
    const error = (momentsOf(values).variance / noise - 1) / Math.sqrt(2 / quarter);
    return Math.abs(error) > MOST;
  });
  return [...faults, ...(uneven ? ['the noise is not the same everywhere'] : [])];
}

function correlated(steps: readonly Float64Array[]): string[] {
  const pairs = steps.slice(1).map((values, at) => [values, steps[at] ?? values] as const);
  const isAlike = pairs.some(([a, b]) => {
    const [left, right] = [momentsOf(a), momentsOf(b)];
    let sum = 0;
    for (const [at, value] of a.entries()) sum += (value - left.mean) * ((b[at] ?? 0) - right.mean);
    const correlation = sum / a.length / Math.sqrt(left.variance * right.variance);
    return Math.abs(correlation) * Math.sqrt(a.length) > MOST;
  });
  return isAlike ? ['the noise of one step is that of another'] : [];
}

function momentsOf(values: Float64Array): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
}
