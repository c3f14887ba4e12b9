import { z } from 'zod';
import type { Aggregation } from './aggregator.ts';
import { median } from './aggregators/median.ts';
import { trimmedMean } from './aggregators/trimmed-mean.ts';
import type { OptionFault } from './workflow.ts';

/** The choice of an aggregator, for the workflows that have one. */

export const AGGREGATORS = [median, trimmedMean] as const;

const TRIM_RATIO = 0.2;

/** Their keys under `workflow`. */
export const AGGREGATION = {
  aggregator: z
    .enum(['weighted_mean', 'median', 'trimmed_mean'])
    .default('weighted_mean')
    .describe(
      'how the answers of a round become one: weighted_mean by examples; median, or trimmed_mean, of each number, in which all sites count alike, so that a few of them cannot move the model at will (Yin et al. 2018)',
    ),
  trim_ratio: z
    .number()
    .positive()
    .lt(0.5)
    .default(TRIM_RATIO)
    .describe('of trimmed_mean: the share of the answers that is left out at either end, rounded down'),
} as const;

type Options = z.output<z.ZodObject<typeof AGGREGATION>>;

/** Undefined is the mean by examples. */
export function aggregationOf({ aggregator, trim_ratio: ratio }: Options): Aggregation | undefined {
  if (aggregator === 'median') return { aggregator: median, options: {} };
  return aggregator === 'trimmed_mean' ? { aggregator: trimmedMean, options: { ratio } } : undefined;
}

/** Answers that a round needs for it. */
export function leastAnswers(options: Options): number {
  const chosen = aggregationOf(options);
  return chosen?.aggregator.leastAnswers?.(chosen.options) ?? 1;
}

/** Of the keys that a job has under `workflow`. */
export function aggregationFaults(given: Readonly<Record<string, unknown>>): readonly OptionFault[] {
  if (given.trim_ratio === undefined || given.aggregator === 'trimmed_mean') return [];
  return [{ key: 'trim_ratio', message: 'has a meaning with aggregator: trimmed_mean alone' }];
}
