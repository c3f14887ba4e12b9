import { f64At, i32At } from '../base/at.ts';
/** Rows of one class's score in rising order, made once for many weightings. */
export interface Ranking {
  readonly order: Int32Array;
  readonly scores: Float64Array;
  readonly positive: Uint8Array;
}

export function rankScores(scores: Float64Array, positive: Uint8Array): Ranking {
  const order = Int32Array.from(scores.keys()).sort((a, b) => f64At(scores, a) - f64At(scores, b) || a - b);
  return { order, scores, positive };
}

/**
 * Area under the receiver operating characteristic: how likely an example of the class has a higher score than one of another class, equal
 * scores counting half (Hanley and McNeil, 1982). Null where either kind is missing.
 * @param counts how often each row counts; default once
 */
export function auroc({ order, scores, positive }: Ranking, counts?: ArrayLike<number>): number | null {
  let [positives, negatives, wins] = [0, 0, 0];
  for (let at = 0; at < order.length; ) {
    const score = scores[i32At(order, at)];
    let [here, other] = [0, 0];
    for (; at < order.length && scores[i32At(order, at)] === score; at++) {
      const row = i32At(order, at);
      const weight = counts ? (counts[row] as number) : 1;
      if (positive[row] === 1) here += weight;
      else other += weight;
    }
    wins += here * (negatives + other / 2);
    positives += here;
    negatives += other;
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : null;
}
