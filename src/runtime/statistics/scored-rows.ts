import { numberAt } from '../base/at.ts';
import { predictedClass, type Scored } from './probabilities.ts';

/** What a classifier said of rows, one byte a label. */
export interface ScoredRows extends Scored {
  readonly labels: Uint8Array;
}

/** 1 for each row whose class was predicted. */
export function rightRows({ labels, probabilities, classes }: ScoredRows): Uint8Array {
  return labels.map((label, row) => (predictedClass(probabilities, row, classes) === label ? 1 : 0));
}

/** Whether each row holds, for a yes-or-no question about its truth and its prediction. */
export function callsOf(
  { labels, probabilities, classes }: ScoredRows,
  isYes: (label: number) => boolean,
): { truth: Uint8Array; said: Uint8Array } {
  return {
    truth: labels.map((label) => (isYes(label) ? 1 : 0)),
    said: labels.map((_, row) => (isYes(predictedClass(probabilities, row, classes)) ? 1 : 0)),
  };
}

/** `truth x predicted` counts. */
export function confusionOf({ labels, probabilities, classes }: ScoredRows): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [row, label] of labels.entries()) {
    const into = counts[label] ?? [];
    const guess = predictedClass(probabilities, row, classes);
    into[guess] = numberAt(into, guess) + 1;
  }
  return counts;
}
