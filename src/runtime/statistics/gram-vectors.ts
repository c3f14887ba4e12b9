import { f64At } from '../base/at.ts';

/** Below this share of the largest product, what is left of a vector is rounding. */
const ROUNDING = 1e-10;

/**
 * Vectors that have the given products with one another: whatever is made of products alone comes to the same for them as for those that the
 * products are of, be these as long as they like. By Cholesky's factor, for products that may depend on one another.
 * @param products [size, size], symmetric
 * @returns one vector of `size` numbers for each row
 */
export function vectorsOf(products: Float64Array, size: number): Float64Array[] {
  const left = products.slice();
  const vectors = Array.from({ length: size }, () => new Float64Array(size));
  const largest = Math.max(0, ...Array.from({ length: size }, (_, at) => f64At(left, at * size + at)));
  for (let step = 0; step < size; step++) {
    const pivot = largestOf(left, size);
    const square = f64At(left, pivot * size + pivot);
    if (!(square > ROUNDING * largest)) break;
    const root = Math.sqrt(square);
    const column = Array.from({ length: size }, (_, row) => f64At(left, row * size + pivot) / root);
    for (const [row, value] of column.entries()) {
      const vector = vectors[row];
      if (vector) vector[step] = value;
      for (const [other, beside] of column.entries()) {
        const at = row * size + other;
        left[at] = row === pivot || other === pivot ? 0 : f64At(left, at) - value * beside;
      }
    }
  }
  return vectors;
}

function largestOf(left: Float64Array, size: number): number {
  let best = 0;
  for (let at = 1; at < size; at++)
    if (f64At(left, at * size + at) > f64At(left, best * size + best)) best = at;
  return best;
}
