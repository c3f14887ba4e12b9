import { numberAt } from '../base/at.ts';
import { ORDERS, type RdpCurve } from './rdp.ts';

/** What may be spent on one group at one site, over all jobs. */
export interface Budget {
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * Whether what was spent and what is asked for stay within a budget together: at one order at least the divergences, added, are no more than the
 * budget gives. It holds where each job was planned in knowledge of the answers of those before it (a filter: Feldman and Zrnic 2021,
 * Lecuyer 2021), which no sum of epsilons does.
 */
export function isWithin({ epsilon, delta }: Budget, curve: RdpCurve): boolean {
  return ORDERS.some((order, at) => {
    const most = epsilon - Math.log1p(-1 / order) + Math.log(delta * order) / (order - 1);
    return numberAt(curve, at) <= most;
  });
}

/** Most that one can tell apart by doubling. */
const MOST = 1_000_000;

/** How many times the same can be done within a budget. */
export function timesWithin(budget: Budget, curve: RdpCurve): number {
  const fits = (times: number) =>
    isWithin(
      budget,
      curve.map((divergence) => divergence * times),
    );
  if (!fits(1)) return 0;
  let [low, high] = [1, 2];
  while (high < MOST && fits(high)) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
