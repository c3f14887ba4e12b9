import { capWeights } from '../run/cap-weights.ts';
import type { AcceptedResult } from '../run/events.ts';
import type { RunFiles } from '../run/run-files.ts';
import type { Contribution } from './reducer.ts';
import type { ReduceStep } from './workflow.ts';

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

/** As `weighResults`, with the weights and bases of a step where it names them: they follow its answers. */
export function contributionsOf(
  { answers, weights, received }: ReduceStep,
  usable: readonly AcceptedResult[],
  deps: { files: Pick<RunFiles, 'at'>; maxWeightRatio: number },
): { contributions: Contribution[]; notes: string[] } {
  if (!weights) return weighResults(usable, deps);
  const contributions = answers.flatMap((answer, at) => {
    const { site, paramsType, update } = answer;
    if (!update || !usable.includes(answer)) return [];
    const base = received?.[at]?.model;
    const path = deps.files.at(update);
    return [{ site, paramsType, path, weight: weights[at] ?? 0, ...(base && { base: deps.files.at(base) }) }];
  });
  return { contributions, notes: [] };
}
