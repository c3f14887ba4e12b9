import { z } from 'zod';
import type { Aggregation, Aggregator } from './aggregator.ts';
import { centeredClipping, normBound } from './aggregators/clipping.ts';
import { geometricMedian } from './aggregators/geometric-median.ts';
import { krum, multiKrum } from './aggregators/krum.ts';
import { median } from './aggregators/median.ts';
import { trimmedMean } from './aggregators/trimmed-mean.ts';
import type { OptionFault } from './workflow.ts';

/** The choice of an aggregator, for the workflows that have one. */

export const AGGREGATORS: readonly Aggregator[] = [
  median,
  trimmedMean,
  krum,
  multiKrum,
  geometricMedian,
  centeredClipping,
  normBound,
];

const TRIM_RATIO = 0.2;

/** Their keys under `workflow`. */
export const AGGREGATION = {
  aggregator: z
    .enum([
      'weighted_mean',
      'median',
      'trimmed_mean',
      'krum',
      'multi_krum',
      'geometric_median',
      'centered_clipping',
      'norm_bound',
    ])
    .default('weighted_mean')
    .describe(
      'how the answers of a round become one: weighted_mean by examples; in the others all sites count alike, and a few of them cannot move the model at will: median, or trimmed_mean, of each number (Yin et al. 2018), krum and multi_krum (Blanchard et al. 2017), geometric_median (Pillutla et al. 2019), centered_clipping (Karimireddy et al. 2021), norm_bound (Sun et al. 2019)',
    ),
  trim_ratio: z
    .number()
    .positive()
    .lt(0.5)
    .default(TRIM_RATIO)
    .describe('of trimmed_mean: the share of the answers that is left out at either end, rounded down'),
  byzantine_clients: z
    .int()
    .min(1)
    .max(50_000)
    .default(1)
    .describe('of krum and multi_krum: sites that may send anything (f); a round needs 2 f + 3 answers'),
  clip_norm: z
    .union([z.literal('median'), z.number().positive().max(1e30)])
    .default('median')
    .describe(
      'of centered_clipping and norm_bound: the L2 norm to which a longer difference is shrunk; median is that of the one in the middle, in each round anew',
    ),
} as const;

export type AggregationOptions = z.output<z.ZodObject<typeof AGGREGATION>>;
type Name = AggregationOptions['aggregator'];

const CHOICES: Readonly<Record<Name, (options: AggregationOptions) => Aggregation | undefined>> = {
  weighted_mean: () => undefined,
  median: () => ({ aggregator: median, options: {} }),
  trimmed_mean: ({ trim_ratio: ratio }) => ({ aggregator: trimmedMean, options: { ratio } }),
  krum: ({ byzantine_clients: byzantine }) => ({ aggregator: krum, options: { byzantine } }),
  multi_krum: ({ byzantine_clients: byzantine }) => ({ aggregator: multiKrum, options: { byzantine } }),
  geometric_median: () => ({ aggregator: geometricMedian, options: {} }),
  centered_clipping: ({ clip_norm: norm }) => ({ aggregator: centeredClipping, options: { norm } }),
  norm_bound: ({ clip_norm: norm }) => ({ aggregator: normBound, options: { norm } }),
};

/** Keys that mean something with some of them alone. */
const KEYS_OF: Readonly<Record<string, readonly Name[]>> = {
  trim_ratio: ['trimmed_mean'],
  byzantine_clients: ['krum', 'multi_krum'],
  clip_norm: ['centered_clipping', 'norm_bound'],
};

/** Undefined is the mean by examples. */
export function aggregationOf(options: AggregationOptions): Aggregation | undefined {
  return CHOICES[options.aggregator ?? 'weighted_mean'](options);
}

/** Answers that a round needs for it. */
export function leastAnswers(options: AggregationOptions): number {
  const chosen = aggregationOf(options);
  return chosen?.aggregator.leastAnswers?.(chosen.options) ?? 1;
}

/** Of the keys that a job has under `workflow`. */
export function aggregationFaults(given: Readonly<Record<string, unknown>>): readonly OptionFault[] {
  return Object.entries(KEYS_OF).flatMap(([key, names]) => {
    if (given[key] === undefined || names.some((name) => name === given.aggregator)) return [];
    return [{ key, message: `has a meaning with aggregator: ${names.join(' or ')} alone` }];
  });
}
