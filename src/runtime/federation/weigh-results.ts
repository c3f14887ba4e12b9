import type { Contribution } from '../algorithms/reducer.ts';
import type { AcceptedResult } from '../run/events.ts';
import { capWeights } from '../statistics/cap-weights.ts';
import type { RunFiles } from './run-files.ts';

/** The updates of a round with their weights, and a sentence for each whose weight was bounded. */
export function weighResults(
  results: readonly AcceptedResult[],
  { files, maxWeightRatio: ratio }: { files: Pick<RunFiles, 'at'>; maxWeightRatio: number },
): { contributions: Contribution[]; notes: string[] } {
  const updates = results.flatMap(({ update, ...result }) => (update ? [{ ...result, update }] : []));
  const weights = capWeights(
    updates.map(({ numExamples }) => numExamples),
    ratio,
  );
  const contributions = updates.map(({ site, paramsType, update, numExamples }, at) => ({
    site,
    paramsType,
    weight: weights[at] ?? numExamples,
    path: files.at(update),
  }));
  const notes = updates.flatMap(({ site, numExamples }, at) => {
    const weight = weights[at] ?? numExamples;
    if (weight === numExamples) return [];
    return [
      `${site} gives numExamples ${numExamples}: it counts as ${weight}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
    ];
  });
  return { contributions, notes };
}
