import type { Aggregator } from '../aggregator.ts';
import { NO_OPTIONS } from '../reducer.ts';
import { cloudOf, noWeights, upperMedian, weightsOfAll } from './products.ts';

/** Of the middle distance: what is nearer counts as if it were so far, so that no weight is infinite. */
const SMOOTHING = 1e-6;
/** Where all of them are the same. */
const LEAST_DISTANCE = 1e-150;
const MOST_STEPS = 200;
/** Weights that change by no more in all have come to rest. */
const REST = 1e-12;

/**
 * The geometric median: the point whose distances to all answers, not squared, have the least sum (RFA: Pillutla et al., "Robust Aggregation for
 * Federated Learning", 2019, with Weiszfeld's smoothed steps). Sites count alike. It lies among the answers, so it is their mean by
 * weights that follow from their products alone. It begins with the model that the sites received, which no site can move.
 */
export const geometricMedian: Aggregator = {
  name: 'geometric_median',
  options: NO_OPTIONS,
  of: 'differences',
  // Of two every point between them is one.
  leastAnswers: () => 3,
  weighByProducts({ products }) {
    const answers = products.length;
    const cloud = cloudOf({ products });
    if (cloud.sound.length === 0) return noWeights(answers);
    let squares = cloud.sound.map(cloud.square);
    let weights = squares.map(() => 0);
    for (let step = 0; step < MOST_STEPS; step++) {
      const next = towards(squares);
      const change = next.reduce((sum, one, at) => sum + Math.abs(one - (weights[at] ?? 0)), 0);
      weights = next;
      if (change <= REST) break;
      squares = cloud.from(weights);
    }
    return weightsOfAll(cloud, { weights, answers });
  },
};

/** One step: each counts by how near it is. @param squares of the distances */
function towards(squares: readonly number[]): number[] {
  const distances = squares.map(Math.sqrt);
  const least = Math.max(SMOOTHING * upperMedian(distances), LEAST_DISTANCE);
  const near = distances.map((distance) => 1 / Math.max(distance, least));
  const all = near.reduce((sum, one) => sum + one, 0);
  return near.map((one) => one / all);
}
