import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { threeDigits } from '../base/text/three-digits.ts';
import { noiseFor } from '../privacy/calibrate.ts';
import { NUMERIC_DELTA } from '../privacy/secret-random.ts';

/** What a job promises to the people of each site, as written. */

export const privacyKeys = z
  .strictObject({
    unit: z
      .literal('group')
      .default('group')
      .describe('whom the promise is to: all images of one person, or of one computed group, at one site'),
    epsilon: z
      .number()
      .positive()
      .max(100)
      .optional()
      .describe(
        'of the whole job, for each group of each site: the noise is worked out from it. Give it or noise',
      ),
    noise: z
      .number()
      .min(0.05)
      .max(1e6)
      .optional()
      .describe('standard deviation of the noise over what one group may add to a step. Give it or epsilon'),
    delta: z
      .number()
      .min(1e-7)
      .max(0.1)
      .describe(
        'chance with which the promise may fail: below 1 / groups of the smallest site, best 10 times below',
      ),
    clip: z
      .number()
      .positive()
      .max(1e6)
      .default(1)
      .describe('most that the gradient of one group may be long, in the L2 norm over all trained arrays'),
    sampling_rate: z
      .number()
      .positive()
      .max(1)
      .describe('chance with which each group is drawn for a step, the same at each site'),
    steps_per_round: z.int().min(1).max(100_000).describe('steps of each site in each round'),
    rows_per_group: z
      .int()
      .min(1)
      .max(64)
      .default(1)
      .describe('pictures of a group in a step: their mean gradient is clipped, which costs no privacy'),
    metrics: z
      .enum(['none', 'outside'])
      .describe(
        'none: figures of models stay at their sites; outside: they are told as they are, and are no part of the promise',
      ),
    insecure_noise_seed: z
      .int()
      .min(0)
      .optional()
      .describe(
        'for tests in a simulation: noise that follows from it hides nobody, and the job promises nothing',
      ),
  })
  .describe('differential privacy of people (docs/privacy.md)');

type PrivacyKeys = z.output<typeof privacyKeys>;

/** As the runtime sees it. */
export interface PrivacyDefinition {
  readonly unit: 'group';
  /** One of these two is there. */
  readonly epsilon: number | undefined;
  readonly noise: number | undefined;
  readonly delta: number;
  readonly clip: number;
  readonly samplingRate: number;
  readonly stepsPerRound: number;
  readonly rowsPerGroup: number;
  readonly metrics: 'none' | 'outside';
  /** With it nothing is promised. */
  readonly insecureNoiseSeed: number | undefined;
}

export function definePrivacy(keys: PrivacyKeys): PrivacyDefinition {
  return {
    unit: keys.unit,
    epsilon: keys.epsilon,
    noise: keys.noise,
    delta: keys.delta,
    clip: keys.clip,
    samplingRate: keys.sampling_rate,
    stepsPerRound: keys.steps_per_round,
    rowsPerGroup: keys.rows_per_group,
    metrics: keys.metrics,
    insecureNoiseSeed: keys.insecure_noise_seed,
  };
}

/** A site with the groups of people that it trains on. */
export interface GroupCount {
  readonly name: string;
  readonly groups: number;
}

interface Rounds {
  readonly numRounds: number;
}

/** Steps of a site over the whole job: it may be drawn for every round. */
export function stepsOfJob({ numRounds }: Rounds, privacy: PrivacyDefinition): number {
  return numRounds * privacy.stepsPerRound;
}

/** Noise is a number that people can write down. */
const DIGITS = 1e4;

/**
 * The noise of a job, over what one group may add: given, or the least (by PLD) that keeps to its epsilon.
 * @throws NF_PRIVACY_PLAN
 */
export function noiseOfJob(workflow: Rounds, privacy: PrivacyDefinition): number {
  const { epsilon, noise, samplingRate: rate, delta } = privacy;
  const refuse = (reason: string, advice: string, key: string) =>
    flError('NF_PRIVACY_PLAN', { reason, advice }, { place: { key: `privacy.${key}` } });
  if (epsilon !== undefined && noise !== undefined)
    throw refuse(
      'it has epsilon and noise, and one follows from the other',
      'Leave one of privacy.epsilon and privacy.noise out.',
      'noise',
    );
  if (noise !== undefined) return noise;
  if (epsilon === undefined)
    throw refuse(
      'it has neither epsilon nor noise',
      'Set privacy.epsilon, 8 for example; the noise is worked out from it.',
      'epsilon',
    );
  const steps = stepsOfJob(workflow, privacy);
  const least = noiseFor({ rate, steps, epsilon, delta: delta - NUMERIC_DELTA }, 'pld');
  if (least === undefined)
    throw refuse(
      `no noise keeps ${steps} steps at a rate of ${rate} to an epsilon of ${epsilon}`,
      'Set privacy.epsilon higher, or privacy.steps_per_round, privacy.sampling_rate or workflow.num_rounds lower.',
      'epsilon',
    );
  return Math.ceil(least * DIGITS) / DIGITS;
}

/** @throws NF_PRIVACY_DELTA where the promise may fail for one person of a site */
export function requireDelta(
  { delta }: Pick<PrivacyDefinition, 'delta'>,
  sites: readonly GroupCount[],
): void {
  for (const { name: site, groups } of sites) {
    if (delta * groups < 1) continue;
    const power = (below: number) => 10 ** Math.floor(Math.log10(below / groups) - 1e-9);
    throw flError(
      'NF_PRIVACY_DELTA',
      { delta, site, groups, most: threeDigits(power(1)), best: threeDigits(power(0.1)) },
      { place: { site, key: 'privacy.delta' } },
    );
  }
}
