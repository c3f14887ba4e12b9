import { z } from 'zod';
import type { Aggregator } from '../aggregator.ts';
import { type Cloud, cloudOf, noWeights } from './products.ts';

interface Options {
  /** Sites that may send anything (f in the paper). */
  readonly byzantine: number;
}

/**
 * Krum (Blanchard et al., "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent", 2017): the answer of one site, that
 * whose n - f - 2 nearest others are the nearest. Of equal ones it is the first in site order.
 */
export const krum: Aggregator<Options> = krumOf('krum', () => 1);

/** Multi-Krum (same source, section 4): the mean of the n - f - 2 answers with the best of these scores. */
export const multiKrum: Aggregator<Options> = krumOf('multi_krum', nearOnes);

/** @param kept answers that are chosen, of so many */
function krumOf(name: string, kept: (answers: number, byzantine: number) => number): Aggregator<Options> {
  return {
    name,
    options: z.strictObject({ byzantine: z.int().min(1) }),
    of: 'differences',
    leastAnswers: ({ byzantine }) => 2 * byzantine + 3,
    weighByProducts({ products }, { byzantine }) {
      const answers = products.length;
      const scores = scoresOf(cloudOf({ products }), { answers, near: nearOnes(answers, byzantine) });
      const most = kept(answers, byzantine);
      const chosen = scores.filter(({ score }) => Number.isFinite(score)).slice(0, most);
      // More sites than were allowed for are further away than all numbers.
      if (chosen.length < most) return noWeights(answers);
      const places = new Set(chosen.map(({ at }) => at));
      return products.map((_, at) => (places.has(at) ? 1 / most : 0));
    },
  };
}

/** Others that a score looks at. */
function nearOnes(answers: number, byzantine: number): number {
  return answers - byzantine - 2;
}

/** Best first: sums of the squared distances to the nearest others. */
function scoresOf(cloud: Cloud, { answers, near }: { answers: number; near: number }) {
  const all = Array.from({ length: answers }, (_, at) => at);
  const scores = cloud.sound.map((at) => {
    const others = all.flatMap((other) => (other === at ? [] : [cloud.between(at, other)]));
    others.sort((a, b) => a - b);
    return { at, score: others.slice(0, near).reduce((sum, one) => sum + one, 0) };
  });
  return scores.sort((a, b) => a.score - b.score || a.at - b.at);
}
