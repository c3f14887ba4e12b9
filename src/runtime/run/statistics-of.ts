import { canonicalJson } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { ANSWER_LIMITS, LEAST_EXAMPLES } from '../base/limits.ts';
import type { MetricReport, MetricValue } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';
import type { Counted, Statistics } from './statistics.ts';

/** Counts of examples: `table[truth][predicted]`. */
type Table = readonly (readonly number[])[];

/**
 * The sums of what a script reports: of each top-level number the number times the examples it is over (`num_examples`, else the weight
 * of the update); where the report has a confusion matrix (`classes`, `confusion` and the `num_examples` they add up to, as
 * `Trainer.evaluate` gives them), its counts; where it says how many examples each figure is over (`labels`, `cases`, `num_examples`, as a
 * segmentation gives them), those. The one place that knows this form of a report.
 */
export function statisticsOf(metrics: MetricReport, numExamples: number): Statistics {
  const counted = countedOf(metrics) ?? countedCases(metrics);
  const weight = weightOf(metrics, numExamples);
  const fromCounts = new Set([
    'num_examples',
    ...Object.keys({ ...counted?.means, ...counted?.macro, ...counted?.groups }),
  ]);
  const means = Object.entries(metrics).flatMap(([name, value]) =>
    isNumber(value) && !fromCounts.has(name)
      ? [[name, { sum: within(value) * weight, weight }] as const]
      : [],
  );
  const { num_examples: scored } = metrics;
  return {
    means: Object.fromEntries(means),
    totals: isNumber(scored) ? { num_examples: within(scored) } : {},
    ...(counted && { counted }),
  };
}

/**
 * The sums that a site says its figures come to. They are added to those of others by their names, so that any that do not follow from the
 * site's figures could stand in the place of others: an accuracy among the totals, a table of the name of the key metric.
 * @throws NF_RESULT_SUMS
 */
export function requireSums(
  said: Statistics | undefined,
  figures: MetricReport,
  numExamples: number,
): Statistics {
  const own = statisticsOf(figures, numExamples);
  if (said === undefined || canonicalJson(said) === canonicalJson(own)) return own;
  const parts = ['means', 'totals', 'counted'] as const;
  const part = parts.find((one) => canonicalJson(said[one] ?? null) !== canonicalJson(own[one] ?? null));
  throw flError('NF_RESULT_SUMS', { part: part ?? 'statistics' });
}

/** A number of examples that a script makes up may be none. */
function weightOf({ num_examples: scored }: MetricReport, numExamples: number): number {
  return within(isNumber(scored) && (scored === 0 || scored >= LEAST_EXAMPLES) ? scored : numExamples);
}

/** Logs of version 0.1.0 may hold any number, of which the sum would be none. */
function within(value: number): number {
  const { most } = ANSWER_LIMITS.magnitude;
  return Math.min(most, Math.max(-most, value));
}

function countedOf({ classes, confusion, num_examples: examples, loss }: MetricReport): Counted | undefined {
  if (!isNames(classes) || !isSquare(confusion, classes.length) || !isCount(examples)) return undefined;
  const weights = confusion.map(sum);
  if (sum(weights) !== examples || !(loss === undefined || loss === null || isNumber(loss))) return undefined;
  const sums = confusion.map((row, index) => row[index] ?? 0);
  // Of a loss that is no number, nothing is added.
  const lost = isNumber(loss) ? { sum: within(loss) * examples, weight: examples } : { sum: 0, weight: 0 };
  return {
    examples,
    alike: { classes },
    means: { loss: lost, accuracy: { sum: sum(sums), weight: examples } },
    groups: { recall: { over: 'classes', sums, weights } },
    macro: { balanced_accuracy: 'recall' },
    tables: { confusion },
  };
}

/** Figures over different numbers of the examples: a volume without a label has no Dice. */
function countedCases({
  labels,
  cases,
  label_dice: dice,
  num_examples: examples,
  ...figures
}: MetricReport): Counted | undefined {
  if (!isNames(labels) || !isMap(cases) || !isCount(examples)) return undefined;
  const ofLabels = isMap(dice)
    ? Object.entries(dice).map(([name, value]) => [`label_dice.${name}`, value] as const)
    : [];
  const all = new Map([...Object.entries(figures), ...ofLabels]);
  const means: Record<string, { sum: number; weight: number }> = {};
  for (const [name, weight] of Object.entries(cases)) {
    const value = all.get(name);
    if (!isCount(weight) || weight > examples) return undefined;
    means[name] = isNumber(value) ? { sum: within(value) * weight, weight } : { sum: 0, weight: 0 };
  }
  return { examples, alike: { labels }, means, groups: {}, macro: {}, tables: {} };
}

function isMap(value: MetricValue | undefined): value is Readonly<Record<string, MetricValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNames(value: MetricValue | undefined): value is readonly string[] {
  return isList(value) && value.every((name) => typeof name === 'string');
}

function isSquare(value: MetricValue | undefined, size: number): value is Table {
  return (
    isList(value) &&
    value.length === size &&
    value.every((row) => isList(row) && row.length === size && row.every(isCount))
  );
}

function isList(value: MetricValue | undefined): value is readonly MetricValue[] {
  return Array.isArray(value);
}

function isCount(value: MetricValue | undefined): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= ANSWER_LIMITS.examples.most;
}

/** Logs of version 0.1.0 may hold numbers that JSON cannot. */
function isNumber(value: MetricValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
