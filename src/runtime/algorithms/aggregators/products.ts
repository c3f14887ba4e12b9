import type { Products } from '../aggregator.ts';

/** What products say of the answers of a round and of points among them. */
export interface Cloud {
  /** Those whose square is a number, by their place in site order; one that is further away than all numbers is none of them. */
  readonly sound: readonly number[];
  /** Square of how far an answer is from what its site received. */
  square(at: number): number;
  /** Squared distance of two answers. */
  between(a: number, b: number): number;
  /**
   * Squared distances of all sound answers, in their order, from the sum of their differences times these weights. What rounding makes of
   * a distance of nothing is not below 0.
   */
  from(weights: readonly number[]): number[];
}

export function cloudOf({ products }: Pick<Products, 'products'>): Cloud {
  const product = (a: number, b: number) => products[a]?.[b] ?? Number.NaN;
  const square = (at: number) => product(at, at);
  const sound = products.flatMap((_, at) => (Number.isFinite(square(at)) ? [at] : []));
  return {
    sound,
    square,
    between: (a, b) => {
      const found = square(a) + square(b) - 2 * product(a, b);
      return Number.isNaN(found) ? Number.POSITIVE_INFINITY : Math.max(0, found);
    },
    from: (weights) => {
      const along = sound.map((at) =>
        sound.reduce((sum, other, index) => sum + (weights[index] ?? 0) * product(at, other), 0),
      );
      const own = along.reduce((sum, value, index) => sum + (weights[index] ?? 0) * value, 0);
      return sound.map((at, index) => Math.max(0, own - 2 * (along[index] ?? 0) + square(at)));
    },
  };
}

/** Weights of the sound answers as those of all: the others count for nothing. */
export function weightsOfAll(
  { sound }: Cloud,
  { weights, answers }: { readonly weights: readonly number[]; readonly answers: number },
): number[] {
  const all = new Array<number>(answers).fill(0);
  for (const [index, at] of sound.entries()) all[at] = weights[index] ?? 0;
  return all;
}

/** For answers that leave no choice: no weight is a number, and the site is named that is the furthest. */
export function noWeights(answers: number): number[] {
  return new Array<number>(answers).fill(Number.NaN);
}

/** Of an even number of values the upper one in the middle. */
export function upperMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
