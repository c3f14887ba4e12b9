import { auroc, rankScores } from '../statistics/auroc.ts';
import { bootstrapGroups, type Estimate } from '../statistics/bootstrap.ts';
import { expectedCalibrationError, reliabilityBins, sortConfidences } from '../statistics/calibration.ts';
import { predictedClass, type Scored } from '../statistics/probabilities.ts';
import { type Judged, meanOfAll, recalls, tallyOf, weightedMean } from './judged.ts';

/** A figure of rows that count so often each; null where they do not define it. */
type Reader = (counts: Float64Array) => number | null;

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
 * Every figure of a model with its 95 % interval from one bootstrap over groups: `balanced_accuracy`, `accuracy`, `recall.<class>`,
 * `auroc`, `auroc.<class>`, `nll`, `brier`, `ece`, the last three also `.calibrated`, and for what it is compared with
 * `<name>` (its balanced accuracy) and `lead.<name>` (the model's minus its).
 */
export function estimateFigures(input: FigureInput): Record<string, Estimate> {
  const { judged, calibrated, compared, seed, replicates } = input;
  const readers: [string, Reader][] = [
    ...decisionReaders(judged, input.classNames),
    ...rankingReaders(judged, input.classNames),
    ...probabilityReaders(judged, ''),
    ...(calibrated
      ? probabilityReaders({ ...judged, ...calibrated, labels: judged.labels }, '.calibrated')
      : []),
    ...compared.map(({ name, scores }): [string, Reader] => [
      name,
      balancedReader({ ...scores, labels: judged.labels }),
    ]),
  ];
  const read = (counts: Float64Array) => {
    const figures = Object.fromEntries(readers.map(([name, reader]) => [name, reader(counts)]));
    const own = figures.balanced_accuracy ?? null;
    const leads = compared.map(({ name }) => [`lead.${name}`, difference(own, figures[name] ?? null)]);
    return { ...figures, ...Object.fromEntries(leads) };
  };
  return bootstrapGroups(judged.groups, read, { seed, replicates });
}

/** Balanced accuracy of a classifier's decisions, by weights. */
export function balancedReader(scores: Scored & { readonly labels: Uint8Array }): Reader {
  const { labels, probabilities, classes } = scores;
  const predicted = Uint8Array.from(labels, (_, row) => predictedClass(probabilities, row, classes));
  return (counts) => meanOfAll(recalls({ labels, predicted, classes }, counts));
}

function decisionReaders(judged: Judged, names: readonly string[]): [string, Reader][] {
  const tally = tallyOf(judged);
  const right = Uint8Array.from(tally.predicted, (label, row) => (label === judged.labels[row] ? 1 : 0));
  return [
    ['balanced_accuracy', (counts) => meanOfAll(recalls(tally, counts))],
    ['accuracy', (counts) => weightedMean(right, counts)],
    ...names.map((name, label): [string, Reader] => [
      `recall.${name}`,
      (counts) => recalls(tally, counts)[label] ?? null,
    ]),
  ];
}

function rankingReaders(judged: Judged, names: readonly string[]): [string, Reader][] {
  const { probabilities, labels, classes } = judged;
  const readers = names.map((_, label): Reader => {
    const scores = Float64Array.from(labels, (_own, row) => probabilities[row * classes + label] as number);
    const ranking = rankScores(
      scores,
      Uint8Array.from(labels, (own) => (own === label ? 1 : 0)),
    );
    return (counts) => auroc(ranking, counts);
  });
  return [
    ['auroc', (counts) => meanOfAll(readers.map((reader) => reader(counts)))],
    ...names.map((name, label): [string, Reader] => [
      `auroc.${name}`,
      (counts) => readers[label]?.(counts) ?? null,
    ]),
  ];
}

function probabilityReaders(judged: Judged, suffix: string): [string, Reader][] {
  const { losses, briers } = tallyOf(judged);
  const sorted = sortConfidences(judged);
  return [
    [`nll${suffix}`, (counts) => weightedMean(losses, counts)],
    [`brier${suffix}`, (counts) => weightedMean(briers, counts)],
    [`ece${suffix}`, (counts) => expectedCalibrationError(reliabilityBins(sorted, counts))],
  ];
}

function difference(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
}
