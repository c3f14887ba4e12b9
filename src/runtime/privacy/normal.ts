/** Above this `erfc` is below the smallest number. */
const NOTHING_ABOVE = 27;
/** Where the series gives way to the continued fraction: both are exact to rounding on their side. */
const SERIES_BELOW = 2.5;
const LEVELS = 120;

/**
 * The complementary error function, to a few units of the last place: the series of erf near 0 (Abramowitz and Stegun 7.1.6), the
 * continued fraction further out (7.1.14).
 */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x > NOTHING_ABOVE) return 0;
  if (x < SERIES_BELOW) {
    let [term, sum] = [x, x];
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let level = LEVELS; level > 0; level--) fraction = level / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** P(Z > z) of a standard normal Z. */
export function upperTail(z: number): number {
  return 0.5 * erfc(z / Math.SQRT2);
}

const ROOT_OF_TWO_PI = Math.sqrt(2 * Math.PI);
const MOST_NEWTON_STEPS = 60;

/**
 * The z above which a standard normal lies with chance p, 0 < p < 1. Newton's method on the logarithm of the tail,
 * which is concave: from a bound of it (tail <= exp(-z^2 / 2) / 2) all steps come from one side.
 */
export function tailQuantile(p: number): number {
  if (p > 0.5) return -tailQuantile(1 - p);
  let z = Math.sqrt(-2 * Math.log(2 * p));
  for (let step = 0; step < MOST_NEWTON_STEPS; step++) {
    const tail = upperTail(z);
    const next = z + (Math.log(tail / p) * tail * ROOT_OF_TWO_PI) / Math.exp((-z * z) / 2);
    if (Math.abs(next - z) <= 1e-14 * Math.max(1, next)) return next;
    z = next;
  }
  return z;
}

/** log(exp(a) + exp(b)), without overflow. */
export function logAdd(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
}
