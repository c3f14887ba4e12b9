import { z } from 'zod';
import type { Aggregator } from '../aggregator.ts';
import { sortedValues } from './sorted-values.ts';

/**
 * The mean of each number over the sites without its largest and smallest values (Yin et al., "Byzantine-Robust Distributed Learning",
 * 2018, option II): `ratio` of the answers, rounded down, at either end. Sites count alike.
 */
export const trimmedMean: Aggregator<{ readonly ratio: number }> = {
  name: 'trimmed_mean',
  options: z.strictObject({ ratio: z.number().positive().lt(0.5) }),
  leastAnswers({ ratio }) {
    let least = Math.ceil(1 / ratio);
    while (cutOf(least, ratio) < 1) least += 1;
    return least;
  },
  combine(values, out, { ratio }) {
    const cut = cutOf(values.length, ratio);
    const left = values.length - 2 * cut;
    sortedValues(values, (sorted, index) => {
      let sum = 0;
      for (let at = cut; at < cut + left; at++) sum += sorted[at] ?? 0;
      out[index] = sum / left;
    });
  },
};

/** Answers that are left out at either end. */
function cutOf(answers: number, ratio: number): number {
  return Math.floor(ratio * answers);
}
