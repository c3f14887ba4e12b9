import { boundedExamples } from '../algorithms/bounded-weights.ts';
import type { Answer, ReduceStep } from '../algorithms/workflow.ts';
import { sharesOf } from '../masking/ring.ts';
import type { RunFiles } from '../run/run-files.ts';
import type { CoordinatorRules } from './coordinator-rules.ts';
import type { Contribution, ReduceRequest } from './reduce/request.ts';

interface WeighDeps {
  readonly files: Pick<RunFiles, 'at'>;
  readonly maxWeightRatio: number;
}

/** The updates of a round with their weights, and a sentence for each whose weight was bounded. */
export function weighResults(
  results: readonly Answer[],
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

/** As `weighResults`, with the weights and bases of a step where it names them: they follow its answers. */
function contributionsOf(
  { answers, weights, received, notes = [], file = 'model' }: ReduceStep,
  usable: readonly Answer[],
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

/**
 * As `contributionsOf`, for a sum in the ring: with shares of the weight of all that have answered, of which those that are usable are in the
 * sum. A site says what it counts for before it knows who else will be in it.
 */
function ringContributionsOf(
  step: ReduceStep,
  usable: readonly Answer[],
  deps: WeighDeps,
): ReturnType<typeof contributionsOf> & { readonly ring: { readonly total: number } } {
  const { contributions: all, notes } = contributionsOf(step, step.answers, deps);
  if (step.weights && new Set(step.weights).size > 1)
    throw new Error('A workflow whose sums are alike weighs its answers apart.');
  const shares = sharesOf(all.map(({ weight }) => (step.weights ? 1 : weight)));
  const isUsable = (site: string) => usable.some((answer) => answer.site === site);
  const shared = all.flatMap((one, at) => (isUsable(one.site) ? [{ ...one, weight: shares[at] ?? 0 }] : []));
  const total = all.reduce((sum, { site, weight }) => (isUsable(site) ? sum + weight : sum), 0);
  return { contributions: shared, notes, ring: { total } };
}

/** Updates with masks on them, and what of each all know. */
export interface MaskedUpdates {
  /** Of all weight, by site. */
  readonly shares: ReadonlyMap<string, number>;
  /** What takes the masks off the sum. */
  readonly masks: readonly { readonly key: string; readonly sign: 1 | -1 }[];
  /** Words of the masks that files before one have used up, by the name of the file. */
  readonly starts: ReadonlyMap<string, number>;
}

/** As `ringContributionsOf`, of updates with masks on them: their shares are those that their sites have counted with. */
function maskedContributionsOf(
  step: ReduceStep,
  { shares, masks, starts }: MaskedUpdates,
  deps: WeighDeps,
): ReturnType<typeof contributionsOf> & { readonly ring: NonNullable<ReduceRequest['ring']> } {
  const { contributions, notes } = contributionsOf(step, step.answers, deps);
  const shared = contributions.map((one) => ({
    ...one,
    weight: shares.get(one.site) ?? 0,
    paramsType: 'DIFF' as const,
  }));
  const total = contributions.reduce((sum, { weight }) => sum + weight, 0);
  return {
    contributions: shared,
    notes,
    ring: { total, masks, start: starts.get(step.file ?? 'model') ?? 0 },
  };
}

/** How the answers of a step are added up in this run. @param masked where they have masks on them */
export function weighStep(
  step: ReduceStep,
  { usable, masked }: { readonly usable: readonly Answer[]; readonly masked: MaskedUpdates | undefined },
  deps: WeighDeps & Pick<CoordinatorRules, 'secureAggregation'>,
): ReturnType<typeof contributionsOf> & Pick<ReduceRequest, 'ring'> {
  if (masked) return maskedContributionsOf(step, masked, deps);
  return (deps.secureAggregation ? ringContributionsOf : contributionsOf)(step, usable, deps);
}

/** What comes beside a model is a difference. */
function typeOf({ paramsType }: Pick<Answer, 'paramsType'>, file: string): Answer['paramsType'] {
  return file === 'model' ? paramsType : 'DIFF';
}
