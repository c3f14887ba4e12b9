import type { Aggregator } from '../aggregator.ts';
import { NO_OPTIONS } from '../reducer.ts';
import { sortedValues } from './sorted-values.ts';

/** The median of each number over the sites, which count alike (Yin et al., "Byzantine-Robust Distributed Learning", 2018, option I). */
export const median: Aggregator = {
  name: 'median',
  options: NO_OPTIONS,
  // Of two it is their mean.
  leastAnswers: () => 3,
  combine(values, out) {
    const middle = values.length >> 1;
    const isOdd = values.length % 2 === 1;
    sortedValues(values, (sorted, index) => {
      const upper = sorted[middle] ?? 0;
      out[index] = isOdd ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
    });
  },
};
