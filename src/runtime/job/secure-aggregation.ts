import { z } from 'zod';
import { LEAST_SITES } from '../masking/thresholds.ts';

/** Secure aggregation, as a job asks for it: who sums up learns the sum of the sites' updates, and no update. */

export const secureAggregationSchema = z
  .strictObject({
    min_sites: z
      .int()
      .min(1)
      .default(LEAST_SITES)
      .describe(`sites whose updates are in a sum at least; ${LEAST_SITES} at least`),
    threshold: z
      .int()
      .min(1)
      .optional()
      .describe(
        'sites that open a sum together: more than half of those that are asked in a round; default: more than two thirds. The others may drop out',
      ),
    consistency: z
      .boolean()
      .default(true)
      .describe('whether sites agree on whose updates are in a sum before they open it'),
  })
  .describe(
    'the model is made of the sum of the updates, which come on a grid of 2^-26 and within ±16; none of them is looked at alone',
  );

export interface SecureAggregation {
  readonly minSites: number;
  /** Undefined: more than two thirds of the sites of a round. */
  readonly threshold: number | undefined;
  readonly consistency: boolean;
}

export function secureAggregationOf(
  file: z.output<typeof secureAggregationSchema> | undefined,
): SecureAggregation | undefined {
  return file && { minSites: file.min_sites, threshold: file.threshold, consistency: file.consistency };
}
