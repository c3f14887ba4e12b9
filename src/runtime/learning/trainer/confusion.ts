import { flError } from '../../base/errors/errors.ts';

/** Counts of examples: `confusion[truth][predicted]`, rows and columns in the order of the class names. */
export type Confusion = readonly (readonly number[])[];

/**
 * What one site reports about one model on its own data: plain JSON, finite numbers only. A figure that the data do
 * not define (the recall of a class the site lacks, anything of an empty set) is null, and `undefined_because` says why.
 */
export interface Metrics {
  /** Mean negative log-likelihood of the true class, natural logarithm. */
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** Mean recall over all classes: chance is 1 / classes whatever their sizes. */
  readonly balanced_accuracy: number | null;
  /** Examples scored: subjects, not slices. */
  readonly num_examples: number;
  readonly classes: readonly string[];
  readonly confusion: Confusion;
  readonly recall: Readonly<Record<string, number | null>>;
  /** Reason by figure, e.g. `{ "recall.glioma": "no example of glioma" }`; absent where all are defined. */
  readonly undefined_because?: Readonly<Record<string, string>>;
}

/** Probabilities are held over this before the logarithm, so that one sure mistake cannot make a loss infinite. */
const SMALLEST_PROBABILITY = 1e-7;

/** Negative log-likelihood of one example, natural logarithm; `probability` is what the model gave the true class. */
export function logLoss(probability: number): number {
  return -Math.log(Math.min(1, Math.max(SMALLEST_PROBABILITY, probability)));
}

/** Right over all; null without examples. */
export function accuracy(confusion: Confusion): number | null {
  const total = countExamples(confusion);
  const right = confusion.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
  return total === 0 ? null : right / total;
}

/** Right over examples of one class; null where it has none. */
export function recall(confusion: Confusion, index: number): number | null {
  const row = confusion[index] ?? [];
  const total = sum(row);
  return total === 0 ? null : (row[index] ?? 0) / total;
}

/** Mean of the recalls (Brodersen et al., "The balanced accuracy and its posterior distribution", 2010); null if one is. */
export function balancedAccuracy(confusion: Confusion): number | null {
  const recalls = confusion.map((_, index) => recall(confusion, index));
  const defined = recalls.filter((value) => value !== null);
  return defined.length === 0 || defined.length < recalls.length ? null : sum(defined) / defined.length;
}

export function countExamples(confusion: Confusion): number {
  return confusion.reduce((total, row) => total + sum(row), 0);
}

/** A square of zeros to count into. */
export function emptyConfusion(classes: number): number[][] {
  return Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
}

/** The report over one set: `lossSum` is the sum, not the mean, of the losses of its examples. */
export function describeMetrics(classes: readonly string[], confusion: Confusion, lossSum: number): Metrics {
  const total = countExamples(confusion);
  const missing = classes.filter((_, index) => recall(confusion, index) === null);
  const reasons = explainUndefined(missing, total);
  return {
    loss: total === 0 ? null : lossSum / total,
    accuracy: accuracy(confusion),
    balanced_accuracy: balancedAccuracy(confusion),
    num_examples: total,
    classes: [...classes],
    confusion: confusion.map((row) => [...row]),
    recall: Object.fromEntries(classes.map((name, index) => [name, recall(confusion, index)])),
    ...(missing.length > 0 && { undefined_because: reasons }),
  };
}

function explainUndefined(missing: readonly string[], total: number): Record<string, string> {
  const reasons: Record<string, string> = {};
  if (total === 0) reasons.loss = reasons.accuracy = 'no examples';
  if (missing.length > 0) reasons.balanced_accuracy = `no example of ${missing.join(', ')}`;
  for (const name of missing) reasons[`recall.${name}`] = `no example of ${name}`;
  return reasons;
}

/**
 * One report over several sites: counts are summed and every figure computed anew from the sums, the loss is weighted
 * by examples. A figure that is null at each site for want of a class is so defined again once any site has the class.
 * @throws NF_TRAIN_METRICS_DIFFER if the sites do not count the same classes in the same order
 */
export function poolMetrics(reports: readonly Metrics[]): Metrics {
  const classes = reports[0]?.classes ?? [];
  const confusion = emptyConfusion(classes.length);
  let lossSum = 0;
  for (const report of reports) {
    requireSameClasses(classes, report.classes);
    lossSum += (report.loss ?? 0) * report.num_examples;
    report.confusion.forEach((row, truth) => {
      const into = confusion[truth] ?? [];
      row.forEach((count, predicted) => {
        into[predicted] = (into[predicted] ?? 0) + count;
      });
    });
  }
  return describeMetrics(classes, confusion, lossSum);
}

function requireSameClasses(expected: readonly string[], actual: readonly string[]): void {
  if (expected.length === actual.length && expected.every((name, index) => name === actual[index])) return;
  throw flError('NF_TRAIN_METRICS_DIFFER', { expected: expected.join(', '), actual: actual.join(', ') });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
