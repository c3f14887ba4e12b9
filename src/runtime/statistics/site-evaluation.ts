import { f64At, u8At } from '../base/at.ts';
import { aurocParts } from './auroc-figure.ts';
import { binsOfPeople } from './bins-of-people.ts';
import { sortConfidences } from './calibration.ts';
import { type LabelledRows, labelSums, rightSums } from './class-sums.ts';
import {
  PRESENCE,
  type PresenceName,
  rounded,
  type SiteEvaluation,
  tellLabels,
  tellMoments,
  tellRight,
  tellShare,
} from './evaluation-sums.ts';
import { shareSums } from './figure.ts';
import { momentSums } from './mean-moments.ts';
import { brierScores, logLosses, predictedClass, type Scored } from './probabilities.ts';
import { callsOf, confusionOf, rightRows } from './scored-rows.ts';

/** The class of images without a tumour. */
export const NO_TUMOUR = 'no_tumor';

/** The model among the tumours alone. */
export const TYPES = 'tumour_types';
/** What is judged beside the model. */
export const MASKED = 'masked.';
export const CONTROL = 'control.';
export const MODEL = 'model';

/** Test images of a site of which it may tell, and what was said of each. */
export interface JudgedRows extends LabelledRows {
  readonly classNames: readonly string[];
  /** [rows, classes], each row summing to 1. */
  readonly probabilities: Float64Array;
  /** The same at the temperature that all sites have found; undefined: they have found none. */
  readonly calibrated: Scored | undefined;
  readonly temperature: number | null;
  /** Probabilities of others on the same rows: of the model on masked pictures, and of controls. */
  readonly compared: Readonly<Record<string, Float64Array>>;
  readonly withheld: readonly string[];
  readonly trainedOn: number | null;
  /** People that each sum is over. */
  readonly least: number;
}

/** What leaves the site: sums over its people, of which each group of images counts as one. */
export function siteEvaluation(rows: JudgedRows): SiteEvaluation {
  const { classes, labels, groups, probabilities, calibrated, least } = rows;
  const scored = { probabilities, labels, classes };
  const sums = labelSums(rows);
  const right = rightRows(scored);
  const tell = (own: Uint8Array) => tellRight(rightSums(own, right, rows), sums);
  const types = rightAmongTumours(rows);
  const compared = Object.entries(rows.compared).map(
    ([name, own]) => [name, tell(rightRows({ ...scored, probabilities: own }))] as const,
  );
  return {
    version: 1,
    withheld: [...rows.withheld],
    people: groups.count,
    trained_on: rows.trainedOn,
    labels: tellLabels(sums),
    confusion: confusionOf(scored),
    right: Object.fromEntries([
      [MODEL, tell(right)],
      ...(types ? [[TYPES, tell(types)] as const] : []),
      ...compared,
    ]),
    presence: presenceOf(rows),
    losses: {
      ...lossesOf(scored, '', rows),
      ...(calibrated && lossesOf(calibrated, '.calibrated', rows)),
    },
    bins: binsOf(scored, rows),
    bins_calibrated: calibrated ? binsOf(calibrated, rows) : null,
    ranking: rankingOf(rows, least),
    temperature: rows.temperature === null ? null : rounded(rows.temperature),
  };
}

/** Told apart among the tumours alone; undefined where the classes do not part them from the rest. */
function rightAmongTumours({
  classNames,
  labels,
  probabilities,
  classes,
}: JudgedRows): Uint8Array | undefined {
  const kept = tumoursAmong(classNames);
  if (!kept) return undefined;
  return labels.map((label, row) => {
    if (!kept.includes(label)) return 0;
    const own = Float64Array.from(kept, (one) => f64At(probabilities, row * classes + one));
    return kept[predictedClass(own, 0, own.length)] === label ? 1 : 0;
  });
}

/** Places of the classes that are tumours; undefined where there is no other class, or one of them alone. */
export function tumoursAmong(classNames: readonly string[]): number[] | undefined {
  const kept = [...classNames.keys()].filter((label) => classNames[label] !== NO_TUMOUR);
  return kept.length === classNames.length || kept.length < 2 ? undefined : kept;
}

function presenceOf(judged: JudgedRows): SiteEvaluation['presence'] {
  const { classNames, groups } = judged;
  const none = classNames.indexOf(NO_TUMOUR);
  if (none < 0) return null;
  const { truth, said } = callsOf(judged, (label) => label !== none);
  const not = (rows: Uint8Array) => rows.map((row) => 1 - row);
  const asked: Record<PresenceName, readonly [holds: Uint8Array, among: Uint8Array]> = {
    sensitivity: [said, truth],
    specificity: [not(said), not(truth)],
    positive_predictive_value: [truth, said],
    negative_predictive_value: [not(truth), not(said)],
  };
  return Object.fromEntries(
    PRESENCE.map((name) => {
      const [holds, among] = asked[name];
      return [name, tellShare(shareSums(holds, groups, among))];
    }),
  );
}

function lossesOf(scored: Scored, suffix: string, { groups }: LabelledRows): Record<string, number[]> {
  return {
    [`nll${suffix}`]: tellMoments(momentSums(logLosses(scored), groups)),
    [`brier${suffix}`]: tellMoments(momentSums(brierScores(scored), groups)),
  };
}

function binsOf(scored: Scored, { groups, least }: JudgedRows): SiteEvaluation['bins'] {
  return binsOfPeople(sortConfidences(scored), groups, least).map(([count, sum, right]) => [
    count,
    rounded(sum),
    right,
  ]);
}

/** Pairs of one site alone are ranked: an area over all sites would need their scores one by one. */
function rankingOf(
  { labels, groups, classes, probabilities }: JudgedRows,
  least: number,
): SiteEvaluation['ranking'] {
  const parts = Array.from({ length: classes }, (_, label) => {
    const scores = Float64Array.from(labels, (_own, row) => f64At(probabilities, row * classes + label));
    const found = aurocParts(
      scores,
      labels.map((truth) => (truth === label ? 1 : 0)),
      groups,
    );
    return found && hasPeople(labels, groups, { label, least }) ? found : null;
  });
  const product = (a: number, b: number) => {
    const [one, other] = [parts[a]?.pull, parts[b]?.pull];
    return one && other ? one.reduce((sum, value, at) => sum + value * f64At(other, at), 0) : 0;
  };
  return {
    areas: parts.map((part) => (part ? rounded(part.value) : null)),
    alone: parts.map((part) => rounded(part?.alone ?? 0)),
    against: parts.map((part) => part?.against ?? 0),
    pulls: parts.flatMap((_, a) => parts.map((_other, b) => rounded(product(a, b)))),
  };
}

/** Whether an area is over enough people who are not of the class. */
function hasPeople(
  labels: Uint8Array,
  groups: JudgedRows['groups'],
  { label, least }: { readonly label: number; readonly least: number },
): boolean {
  const others = [...labels.keys()].filter((row) => u8At(labels, row) !== label);
  return new Set(others.map((row) => groups.of[row])).size >= least;
}
