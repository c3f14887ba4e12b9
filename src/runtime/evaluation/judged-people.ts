import { f64At, u8At } from '../base/at.ts';
import type { ScoredRows } from '../statistics/scored-rows.ts';

/** Predictions for people whose class is known: row i of everything is person i. */
export interface Judged extends ScoredRows {
  readonly ids: readonly string[];
  readonly sites: readonly string[];
  readonly groups: readonly string[];
}

/**
 * The rows of some classes alone, told apart among these classes alone: tumour types, say, where images without a tumour come from
 * another source.
 */
export function amongClasses(judged: Judged, kept: readonly number[]): Judged {
  const rows = [...judged.labels.keys()].filter((row) => kept.includes(u8At(judged.labels, row)));
  const pick = <T>(values: ArrayLike<T>) => rows.map((row) => values[row] as T);
  const probabilities = new Float64Array(rows.length * kept.length);
  for (const [at, row] of rows.entries()) {
    const own = kept.map((label) => f64At(judged.probabilities, row * judged.classes + label));
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

/** The people of all, one after the other; the classes are those of the first. */
export function joinJudged(parts: readonly Judged[]): Judged {
  return {
    ids: parts.flatMap(({ ids }) => ids),
    sites: parts.flatMap(({ sites }) => sites),
    groups: parts.flatMap(({ groups }) => groups),
    labels: Uint8Array.from(parts.flatMap(({ labels }) => [...labels])),
    classes: parts[0]?.classes ?? 0,
    probabilities: Float64Array.from(parts.flatMap(({ probabilities }) => [...probabilities])),
  };
}

/** Some people, in another order. */
export function pickRows(judged: Judged, rows: readonly number[]): Judged {
  const { classes } = judged;
  const probabilities = new Float64Array(rows.length * classes);
  for (const [at, row] of rows.entries()) {
    probabilities.set(judged.probabilities.subarray(row * classes, (row + 1) * classes), at * classes);
  }
  return {
    ids: rows.map((row) => judged.ids[row] ?? ''),
    sites: rows.map((row) => judged.sites[row] ?? ''),
    groups: rows.map((row) => judged.groups[row] ?? ''),
    labels: Uint8Array.from(rows, (row) => u8At(judged.labels, row)),
    classes,
    probabilities,
  };
}
