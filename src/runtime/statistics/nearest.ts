import { f32At, f64At, u8At } from '../base/at.ts';
import type { Fold } from './labelled.ts';

/**
 * For each test row and class, minus the squared distance to the nearest training row of the class: the highest is the nearest
 * neighbour's class. A class without training rows gets minus infinity.
 * @returns scores [test rows, classes]
 */
export function scoreByNearest(
  distances: Float32Array,
  { labels, classes }: { readonly labels: Uint8Array; readonly classes: number },
  { train, test }: Fold,
): Float64Array {
  const rows = labels.length;
  const scores = new Float64Array(test.length * classes).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < test.length; row++) {
    for (let at = 0; at < train.length; at++) {
      const other = train[at] as number;
      const score = -f32At(distances, (test[row] as number) * rows + other);
      const cell = row * classes + u8At(labels, other);
      if (score > f64At(scores, cell)) scores[cell] = score;
    }
  }
  return scores;
}
