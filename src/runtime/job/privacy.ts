import { z } from 'zod';

/** What a job promises to the people of each site, as written. */

/** Below this delta what the finite tails of the noise leave out would count: it is taken off delta. */
export const NUMERIC_DELTA = 1e-8;

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
      .literal('outside')
      .describe(
        'outside: figures of models are told as they are, and are no part of the promise. There is nothing else yet, so it has to be said',
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
  readonly metrics: 'outside';
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
  };
}
