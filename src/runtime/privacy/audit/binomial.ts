/** Chances of counts: how often something of chance `p` comes up in `n` trials. */

/** P(X >= k) for all k from 0 to n + 1, of which the first is 1 and the last 0. */
export function upperTails(n: number, p: number): Float64Array {
  const tails = new Float64Array(n + 2);
  const [log, other] = [Math.log(p), Math.log1p(-p)];
  let logChoose = 0;
  for (let k = n; k >= 0; k--) {
    tails[k] = (tails[k + 1] ?? 0) + Math.exp(logChoose + powerOf(k, log) + powerOf(n - k, other));
    logChoose += Math.log(k) - Math.log(n - k + 1);
  }
  for (let k = 0; k <= n; k++) tails[k] = Math.min(1, tails[k] ?? 0);
  return tails;
}

/** 0 of something impossible is no impossibility. */
function powerOf(times: number, log: number): number {
  return times === 0 ? 0 : times * log;
}

/** Halvings: to the precision of a float64. */
const STEPS = 60;

/**
 * The interval of Clopper and Pearson ("The use of confidence or fiducial limits illustrated in the case of the binomial", 1934) for a chance that came up
 * `count` times in `trials`: exact, so that it holds for small counts as well.
 * @param confidence of both sides together
 */
export function exactInterval(
  count: number,
  trials: number,
  confidence = 0.95,
): { readonly low: number; readonly high: number } {
  if (trials === 0) return { low: 0, high: 1 };
  const tail = (1 - confidence) / 2;
  const atLeast = (k: number, p: number) => upperTails(trials, p)[k] ?? 0;
  return {
    low: count === 0 ? 0 : boundary((p) => atLeast(count, p) < tail),
    high: count === trials ? 1 : boundary((p) => 1 - atLeast(count + 1, p) > tail),
  };
}

/** Where a condition that holds near 0 stops to hold. */
function boundary(holds: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
