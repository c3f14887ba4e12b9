import type { Random } from '../../base/random.ts';

/** Drawn evenly from minus to plus the amount. */
export function spread(random: Random, amount: number): number {
  return (2 * random.next() - 1) * amount;
}
