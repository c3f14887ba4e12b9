import { z } from 'zod';
import type { KeyFigure, OptionFault } from './workflow.ts';

/** Keys under `workflow`. */
export const EARLY_STOPPING = {
  early_stopping_patience: z
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe(
      'training ends when so many models in a row are no better than the best before them, by key_metric over all sites; 0: it runs for num_rounds',
    ),
  early_stopping_min_delta: z
    .number()
    .min(0)
    .max(1e9)
    .default(0)
    .describe('by how much key_metric must be better to count as such'),
} as const;

export type StoppingOptions = Partial<z.output<z.ZodObject<typeof EARLY_STOPPING>>>;

/** Of the keys that a job has under `workflow`. */
export function earlyStoppingFaults(given: Readonly<Record<string, unknown>>): readonly OptionFault[] {
  const { early_stopping_patience: patience, early_stopping_min_delta: delta } = given;
  if (delta === undefined || (typeof patience === 'number' && patience > 0)) return [];
  return [
    { key: 'early_stopping_min_delta', message: 'has a meaning with early_stopping_patience over 0 alone' },
  ];
}

/**
 * Looks at the figure of each round, in their order: says why training ends with it; undefined: it goes on. A round without a figure, as where
 * no site has all classes, counts neither way.
 */
export function earlyStopping(
  { early_stopping_patience: patience = 0, early_stopping_min_delta: delta = 0 }: StoppingOptions,
  numRounds: number,
): (round: number, figure: KeyFigure) => string | undefined {
  let best: number | undefined;
  let since = 0;
  return (round, { metric, goal, value }) => {
    if (patience === 0 || value === null) return undefined;
    const isBetter =
      best === undefined || (goal === 'maximize' ? value > best + delta : value < best - delta);
    since = isBetter ? 0 : since + 1;
    if (isBetter) best = value;
    if (since < patience || round === numRounds) return undefined;
    const moved = goal === 'maximize' ? 'risen' : 'fallen';
    const by = delta > 0 ? ` by more than ${delta}` : '';
    const models = patience === 1 ? 'model' : `${patience} models`;
    return `training ended after round ${round} of ${numRounds}: ${metric} has not ${moved}${by} in the last ${models} (workflow.early_stopping_patience)`;
  };
}
