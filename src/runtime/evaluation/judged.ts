import { brierScores, logLosses, predictedClass, type Scored } from '../statistics/probabilities.ts';

/** Predictions for people whose class is known: row i of everything is person i. */
export interface Judged extends Scored {
  readonly ids: readonly string[];
  readonly sites: readonly string[];
  readonly groups: readonly string[];
  readonly labels: Uint8Array;
}

/** What figures are summed from, made once and weighted many times. */
export interface Tally {
  readonly classes: number;
  readonly labels: Uint8Array;
  readonly predicted: Uint8Array;
  readonly losses: Float64Array;
  readonly briers: Float64Array;
}

export function tallyOf(scored: Scored & { readonly labels: Uint8Array }): Tally {
  const { labels, probabilities, classes } = scored;
  return {
    classes,
    labels,
    predicted: Uint8Array.from(labels, (_, row) => predictedClass(probabilities, row, classes)),
    losses: logLosses(scored),
    briers: brierScores(scored),
  };
}

/** The recall of each class among rows that count so often each; null for a class without rows. */
export function recalls(
  { labels, predicted, classes }: Pick<Tally, 'labels' | 'predicted' | 'classes'>,
  counts: ArrayLike<number>,
): (number | null)[] {
  const total = new Float64Array(classes);
  const right = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    const weight = counts[row] as number;
    total[label] = (total[label] as number) + weight;
    if (predicted[row] === label) right[label] = (right[label] as number) + weight;
  }
  return Array.from(total, (all, label) => (all === 0 ? null : (right[label] as number) / all));
}

/** Mean of the recalls; null if a class has no rows. */
export function meanOfAll(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}

/** Null without weight. */
export function weightedMean(values: ArrayLike<number>, counts: ArrayLike<number>): number | null {
  let [sum, total] = [0, 0];
  for (let row = 0; row < values.length; row++) {
    sum += (counts[row] as number) * (values[row] as number);
    total += counts[row] as number;
  }
  return total === 0 ? null : sum / total;
}

/** `truth x predicted` counts. */
export function confusionOf({ labels, predicted, classes }: Tally): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [row, label] of labels.entries()) {
    const into = counts[label] ?? [];
    const guess = predicted[row] ?? 0;
    into[guess] = (into[guess] ?? 0) + 1;
  }
  return counts;
}

/**
 * The rows of some classes alone, told apart among these classes alone: tumour types, say, where images without a tumour come from
 * another source.
 */
export function amongClasses(judged: Judged, kept: readonly number[]): Judged {
  const rows = [...judged.labels.keys()].filter((row) => kept.includes(judged.labels[row] as number));
  const pick = <T>(values: ArrayLike<T>) => rows.map((row) => values[row] as T);
  const probabilities = new Float64Array(rows.length * kept.length);
  for (const [at, row] of rows.entries()) {
    const own = kept.map((label) => judged.probabilities[row * judged.classes + label] as number);
    const total = own.reduce((sum, value) => sum + value, 0);
    probabilities.set(total > 0 ? own.map((value) => value / total) : own, at * kept.length);
  }
  return {
    ids: pick(judged.ids),
    sites: pick(judged.sites),
    groups: pick(judged.groups),
    labels: Uint8Array.from(pick(judged.labels), (label) => kept.indexOf(label)),
    classes: kept.length,
    probabilities,
  };
}
