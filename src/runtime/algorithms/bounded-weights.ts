import { sum } from '../base/sum.ts';
import { capWeights } from './cap-weights.ts';
import type { Answer } from './workflow.ts';

interface Given {
  readonly site: string;
  /** What the number is of. */
  readonly what: string;
  readonly number: number;
}

interface Bounded {
  readonly weights: readonly number[];
  readonly notes: readonly string[];
}

/** How much each answer counts by its examples, in its order, and a sentence for each that was bounded. @param ratio workflow.max_weight_ratio */
export function boundedExamples(
  answers: readonly Pick<Answer, 'site' | 'numExamples'>[],
  ratio: number,
): Bounded {
  return bounded(
    answers.map(({ site, numExamples: number }) => ({ site, what: 'numExamples', number })),
    ratio,
  );
}

/** As `boundedExamples`, as parts of 1. */
export function boundedShares(...given: Parameters<typeof boundedExamples>): Bounded {
  const { weights, notes } = boundedExamples(...given);
  const examples = sum(weights);
  return { weights: weights.map((weight) => weight / examples), notes };
}

/** Numbers that sites give of themselves: none counts as more than `ratio` times the median of the others. */
export function bounded(given: readonly Given[], ratio: number): Bounded {
  const weights = capWeights(
    given.map(({ number }) => number),
    ratio,
  );
  const notes = given.flatMap(({ site, what, number }, at) => {
    const weight = weights[at] ?? number;
    if (weight === number) return [];
    return [
      `${site} gives ${what} ${number}: it counts as ${weight}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
    ];
  });
  return { weights, notes };
}
