import { requireDelta } from './mechanism.ts';
import { upperTail } from './normal.ts';

/** The least delta of the Gaussian mechanism at an epsilon: Balle and Wang 2018, theorem 8. `sigma`: noise over sensitivity. */
export function gaussianDelta(epsilon: number, sigma: number): number {
  const [shift, turn] = [1 / (2 * sigma), epsilon * sigma];
  return Math.max(0, upperTail(turn - shift) - Math.exp(epsilon) * upperTail(turn + shift));
}

/** The least epsilon of the Gaussian mechanism at a delta, from above by 1e-12. Steps on the whole set are one of sigma / sqrt(steps). */
export function gaussianEpsilon(sigma: number, delta: number): number {
  requireDelta(delta);
  if (gaussianDelta(0, sigma) <= delta) return 0;
  let [low, high] = [0, 1];
  while (gaussianDelta(high, sigma) > delta) [low, high] = [high, high * 2];
  while (high - low > 1e-12 * Math.max(1, high)) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (gaussianDelta(middle, sigma) > delta) low = middle;
    else high = middle;
  }
  return high;
}
