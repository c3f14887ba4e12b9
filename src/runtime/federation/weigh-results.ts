import { capWeights } from '../run/cap-weights.ts';
import type { AcceptedResult } from '../run/events.ts';
import type { RunFiles } from '../run/run-files.ts';
import type { Contribution } from './reducer.ts';
import type { ReduceStep } from './workflow.ts';

interface WeighDeps {
  readonly files: Pick<RunFiles, 'at'>;
  readonly maxWeightRatio: number;
}

interface Given {
  readonly site: string;
  /** What the number is of. */
  readonly what: string;
  readonly number: number;
}

interface Bounded {
  readonly weights: readonly number[];
  readonly notes: readonly string[];
}

/** The updates of a round with their weights, and a sentence for each whose weight was bounded. */
export function weighResults(
  results: readonly AcceptedResult[],
  { files, maxWeightRatio: ratio, file = 'model' }: WeighDeps & { readonly file?: string | undefined },
): { contributions: Contribution[]; notes: readonly string[] } {
  const updates = results.flatMap(({ files: { [file]: update }, ...result }) =>
    update ? [{ ...result, update }] : [],
  );
  const { weights, notes } = boundedExamples(updates, ratio);
  const contributions = updates.map(({ site, update, numExamples, ...answer }, at) => ({
    site,
    paramsType: typeOf(answer, file),
    weight: weights[at] ?? numExamples,
    path: files.at(update),
  }));
  return { contributions, notes };
}

/** How much each answer counts by its examples, in its order, and a sentence for each that was bounded. @param ratio workflow.max_weight_ratio */
export function boundedExamples(
  answers: readonly Pick<AcceptedResult, 'site' | 'numExamples'>[],
  ratio: number,
): Bounded {
  return bounded(
    answers.map(({ site, numExamples: number }) => ({ site, what: 'numExamples', number })),
    ratio,
  );
}

/** Numbers that sites give of themselves: none counts as more than `ratio` times the median of the others. */
export function bounded(given: readonly Given[], ratio: number): Bounded {
  const weights = capWeights(
    given.map(({ number }) => number),
    ratio,
  );
  const notes = given.flatMap(({ site, what, number }, at) => {
    const weight = weights[at] ?? number;
    if (weight === number) return [];
    return [
      `${site} gives ${what} ${number}: it counts as ${weight}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
    ];
  });
  return { weights, notes };
}

/** As `weighResults`, with the weights and bases of a step where it names them: they follow its answers. */
export function contributionsOf(
  { answers, weights, received, notes = [], file = 'model' }: ReduceStep,
  usable: readonly AcceptedResult[],
  deps: WeighDeps,
): { contributions: Contribution[]; notes: readonly string[] } {
  if (!weights) return weighResults(usable, { ...deps, file });
  const contributions = answers.flatMap((answer, at) => {
    const { site } = answer;
    const paramsType = typeOf(answer, file);
    const update = answer.files[file];
    if (!update || !usable.includes(answer)) return [];
    const base = received?.[at]?.model;
    const path = deps.files.at(update);
    return [{ site, paramsType, path, weight: weights[at] ?? 0, ...(base && { base: deps.files.at(base) }) }];
  });
  return { contributions, notes };
}

/** What comes beside a model is a difference. */
function typeOf(
  { paramsType }: Pick<AcceptedResult, 'paramsType'>,
  file: string,
): AcceptedResult['paramsType'] {
  return file === 'model' ? paramsType : 'DIFF';
}
