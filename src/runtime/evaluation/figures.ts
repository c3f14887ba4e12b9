import { f64At } from '../base/at.ts';
import { aurocFigure } from '../statistics/auroc-figure.ts';
import { sortConfidences } from '../statistics/calibration.ts';
import { calibrationError } from '../statistics/calibration-interval.ts';
import {
  combineFigures,
  type Estimate,
  estimateOf,
  type Figure,
  type Groups,
  indexGroups,
  meanOfShares,
  shareOf,
} from '../statistics/figure.ts';
import { meanEstimate, type ResamplingOptions } from '../statistics/mean-estimate.ts';
import { brierScores, logLosses, type Scored } from '../statistics/probabilities.ts';
import { rightRows, type ScoredRows } from '../statistics/scored-rows.ts';
import type { Judged } from './judged-people.ts';

/** What is judged beside the model on the same rows. */
export interface Compared {
  readonly name: string;
  readonly scores: Scored;
}

export interface FigureInput {
  readonly judged: Judged;
  readonly classNames: readonly string[];
  /** After temperature scaling; undefined where no temperature could be fitted. */
  readonly calibrated: Scored | undefined;
  /** Others on the same rows: controls, masked tests. Each gets its balanced accuracy and the model's lead over it. */
  readonly compared: readonly Compared[];
  readonly seed: number;
  readonly replicates: number;
}

/**
 * Every figure of a model with its 95 % interval, in which images of one group count as far as they tell of different patients: `balanced_accuracy`,
 * `accuracy`, `recall.<class>`, `auroc`, `auroc.<class>`, `nll`, `brier`, `ece`, the last three also `.calibrated`, and for what it is compared with
 * `<name>` (its balanced accuracy) and `lead.<name>` (the model's minus its).
 */
export function estimateFigures(input: FigureInput): Record<string, Estimate> {
  const { judged, calibrated, compared, classNames } = input;
  const groups = indexGroups(judged.groups);
  const own = balancedFigure(judged, groups);
  const figures: [string, Figure | null][] = [
    ['balanced_accuracy', own],
    ['accuracy', shareOf(rightRows(judged), groups)],
    ...recallFigures(judged, groups).map((figure, label): [string, Figure | null] => [
      `recall.${classNames[label]}`,
      figure,
    ]),
    ...rankingFigures(judged, classNames, groups),
    ...compared.flatMap(({ name, scores }): [string, Figure | null][] => {
      const other = balancedFigure({ ...scores, labels: judged.labels }, groups);
      return [
        [name, other],
        [`lead.${name}`, leadOver(own, other)],
      ];
    }),
  ];
  return {
    ...Object.fromEntries(figures.map(([name, figure]) => [name, estimateOf(figure)])),
    ...probabilityFigures(judged, '', { ...input, groups }),
    ...(calibrated
      ? probabilityFigures({ ...calibrated, labels: judged.labels }, '.calibrated', { ...input, groups })
      : {}),
  };
}

/** Mean of the recalls of all classes; null if a class has no rows. */
export function balancedFigure(scored: ScoredRows, groups: Groups, z?: number): Figure | null {
  return meanOfShares(recallFigures(scored, groups, z), z);
}

/** How much higher one figure is than another on the same rows. */
export function leadOver(own: Figure | null, other: Figure | null): Figure | null {
  return combineFigures([
    [1, own],
    [-1, other],
  ]);
}

/** The recall of each class; null for a class without rows. */
export function recallFigures(scored: ScoredRows, groups: Groups, z?: number): (Figure | null)[] {
  const right = rightRows(scored);
  return Array.from({ length: scored.classes }, (_, label) => {
    const among = scored.labels.map((own) => (own === label ? 1 : 0));
    return shareOf(right, groups, { among, ...(z !== undefined && { z }) });
  });
}

function rankingFigures(
  { probabilities, labels, classes }: Judged,
  names: readonly string[],
  groups: Groups,
): [string, Figure | null][] {
  const own = names.map((_, label) => {
    const scores = Float64Array.from(labels, (_own, row) => f64At(probabilities, row * classes + label));
    return aurocFigure(
      scores,
      labels.map((truth) => (truth === label ? 1 : 0)),
      groups,
    );
  });
  return [
    ['auroc', combineFigures(own.map((figure) => [1 / classes, figure] as const))],
    ...names.map((name, label): [string, Figure | null] => [`auroc.${name}`, own[label] ?? null]),
  ];
}

function probabilityFigures(
  scored: ScoredRows,
  suffix: string,
  options: ResamplingOptions & { readonly groups: Groups },
): Record<string, Estimate> {
  const { groups } = options;
  return {
    [`nll${suffix}`]: meanEstimate(logLosses(scored), groups, options),
    [`brier${suffix}`]: meanEstimate(brierScores(scored), groups, options),
    [`ece${suffix}`]: calibrationError(sortConfidences(scored), groups, options),
  };
}
