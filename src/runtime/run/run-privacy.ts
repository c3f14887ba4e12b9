import { z } from 'zod';
import { definePrivacy, noiseOfJob, stepsOfJob } from '../job/privacy.ts';
import type { JobFile } from '../job/schema.ts';
import { epsilonBy } from '../privacy/calibrate.ts';
import { NUMERIC_DELTA } from '../privacy/secret-random.ts';

export const runPrivacySchema = z.object({
  unit: z.literal('group'),
  epsilon: z
    .number()
    .nullable()
    .describe('of all rounds, for each group of each site; null: nothing is promised'),
  delta: z.number(),
  noise: z.number(),
  /** Of each site. */
  steps: z.int(),
  metrics: z
    .enum(['none', 'outside'])
    .describe('none: no figures of models leave the sites; outside: they are no part of the promise'),
  reason: z.string().optional().describe('why nothing is promised'),
});

/** What a run with privacy promises, once all of its rounds are over. */
export function promiseOf({
  privacy: keys,
  workflow,
}: JobFile): z.output<typeof runPrivacySchema> | undefined {
  if (!keys) return undefined;
  const privacy = definePrivacy(keys);
  const rounds = { numRounds: workflow.num_rounds };
  const [sigma, steps] = [noiseOfJob(rounds, privacy), stepsOfJob(rounds, privacy)];
  const { unit, delta, metrics, samplingRate: rate } = privacy;
  const isSeeded = privacy.insecureNoiseSeed !== undefined;
  const epsilon = isSeeded ? null : epsilonBy('pld', { rate, sigma, steps }, delta - NUMERIC_DELTA);
  return {
    unit,
    epsilon,
    delta,
    noise: sigma,
    steps,
    metrics,
    ...(isSeeded && { reason: 'noise was seeded' }),
  };
}
