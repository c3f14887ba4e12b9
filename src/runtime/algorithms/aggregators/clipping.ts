import { z } from 'zod';
import type { Aggregator } from '../aggregator.ts';
import { cloudOf, noWeights, upperMedian, weightsOfAll } from './products.ts';

interface Options {
  /** Most that an answer may be away in the L2 norm over all arrays of floats; median: as far as the one in the middle. */
  readonly norm: number | 'median';
}

const OPTIONS = z.strictObject({ norm: z.union([z.literal('median'), z.number().positive()]) });

/** Steps of centered clipping in a round. */
const STEPS = 5;

/**
 * The mean of the sites' differences, each shrunk to a norm where it is longer (Sun et al., "Can You Really Backdoor Federated
 * Learning?", 2019). Sites count alike.
 */
export const normBound: Aggregator<Options> = {
  name: 'norm_bound',
  options: OPTIONS,
  of: 'differences',
  leastAnswers: ({ norm }) => (norm === 'median' ? 3 : 1),
  weighByNorms({ squares }, { norm }) {
    const distances = squares.map(Math.sqrt);
    const sound = distances.filter(Number.isFinite);
    if (sound.length === 0) return noWeights(squares.length);
    const shares = sharesOf(distances, norm === 'median' ? upperMedian(distances) : norm);
    return shares.map((share) => share / squares.length);
  },
};

/**
 * Centered clipping (Karimireddy et al., "Learning from History for Byzantine Robust Optimization", 2021, algorithm 2): from a centre
 * each answer moves it by its difference, shrunk to a norm; several times. Sites count alike. The centre begins anew in each round at the
 * model that the sites received, and the momentum at sites, which the paper has beside it, is no part of this.
 */
export const centeredClipping: Aggregator<Options> = {
  name: 'centered_clipping',
  options: OPTIONS,
  of: 'differences',
  leastAnswers: () => 3,
  weighByProducts({ products }, { norm }) {
    const answers = products.length;
    const cloud = cloudOf({ products });
    if (cloud.sound.length === 0) return noWeights(answers);
    let weights = cloud.sound.map(() => 0);
    for (let step = 0; step < STEPS; step++) {
      const distances = cloud.from(weights).map(Math.sqrt);
      const shares = sharesOf(distances, norm === 'median' ? upperMedian(distances) : norm);
      const all = shares.reduce((sum, share) => sum + share, 0) / answers;
      weights = weights.map((weight, at) => weight * (1 - all) + (shares[at] ?? 0) / answers);
    }
    return weightsOfAll(cloud, { weights, answers });
  },
};

/** What is left of each that is longer than a norm; nothing of what is infinitely long. */
function sharesOf(distances: readonly number[], norm: number): number[] {
  return distances.map((distance) => {
    if (!Number.isFinite(distance)) return 0;
    return distance <= norm ? 1 : norm / distance;
  });
}
