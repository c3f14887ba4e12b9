import { u8At } from '../../base/at.ts';
import { tailQuantile } from '../normal.ts';
import { type CanaryRun, type CanaryTerms, momentsOf } from './canaries.ts';

/** One thing that was counted, beside what the mechanism promises. */
export interface MomentCheck {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  /** Standard errors between the two. */
  readonly z: number;
}

export interface MomentVerdict {
  readonly checks: readonly MomentCheck[];
  /** Standard errors beyond which a check fails: by chance one of 10,000 audits of a right mechanism would. */
  readonly limit: number;
  /** What is not as promised; empty where all is. */
  readonly faults: readonly string[];
}

const FALSE_ALARMS = 1e-4;
const PARTS = 4;

/**
 * Whether steps do what they say: numbers of canaries in the data have a mean of rate x steps, the others of 0; the variance of all follows from
 * the noise, everywhere alike; no step hangs together with the next; and all is in whole steps of the grid.
 */
export function checkMoments(run: CanaryRun, terms: CanaryTerms): MomentVerdict {
  const checks = [...momentChecks(run, terms), ...correlationCheck(run)];
  // Each pair of steps is a check of its own, of which the worst stands for all.
  const limit = tailQuantile(FALSE_ALARMS / 2 / (checks.length + run.correlations.length));
  const faults = checks.flatMap(({ what, z }) =>
    Math.abs(z) > limit ? [`${what} is off by ${z.toFixed(1)} standard errors`] : [],
  );
  const { offGrid } = run;
  return {
    checks,
    limit,
    faults: offGrid > 0 ? [...faults, `${offGrid} numbers are not on the grid`] : faults,
  };
}

function momentChecks({ isIn, sums }: CanaryRun, { rate, sigma, steps, grid }: CanaryTerms): MomentCheck[] {
  const noise = steps * ((sigma * grid.sensitivity) / grid.perClip) ** 2;
  const parts = [
    {
      kind: 1,
      name: 'canaries in the data',
      mean: rate * steps,
      variance: noise + steps * rate * (1 - rate),
    },
    { kind: 0, name: 'canaries not in the data', mean: 0, variance: noise },
  ];
  const ofKind = (kind: number) => sums.filter((_, at) => u8At(isIn, at) === kind);
  const whole = parts.flatMap(({ kind, name, mean, variance }): MomentCheck[] => {
    const values = ofKind(kind);
    const found = momentsOf(values);
    return [
      {
        what: `the mean of ${name}`,
        expected: mean,
        found: found.mean,
        z: (found.mean - mean) / Math.sqrt(variance / values.length),
      },
      varianceCheck(`the variance of ${name}`, values, variance),
    ];
  });
  // Half of the numbers without noise would be seen by their own variance.
  const others = ofKind(0);
  const part = Math.floor(others.length / PARTS);
  const places = Array.from({ length: PARTS }, (_, at) =>
    varianceCheck(
      `the noise of part ${at + 1} of ${PARTS} of the numbers`,
      others.subarray(at * part, (at + 1) * part),
      noise,
    ),
  );
  return [...whole, ...places];
}

function varianceCheck(what: string, values: Float64Array, expected: number): MomentCheck {
  const found = momentsOf(values).variance;
  return { what, expected, found, z: (found / expected - 1) / Math.sqrt(2 / values.length) };
}

function correlationCheck({ isIn, correlations }: CanaryRun): MomentCheck[] {
  if (correlations.length === 0) return [];
  const worst = correlations.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  const others = isIn.reduce((count, one) => count + 1 - one, 0);
  return [
    {
      what: 'the correlation of the noise of one step with that of the next',
      expected: 0,
      found: worst,
      z: worst * Math.sqrt(others),
    },
  ];
}
