/**
 * Weights of the four coefficients around a place of a uniform cubic B-spline, in their order.
 * @param t from the second of them, 0, to the third, 1
 */
export function cubicWeights(t: number): readonly [number, number, number, number] {
  return [
    (1 - t) ** 3 / 6,
    (3 * t ** 3 - 6 * t ** 2 + 4) / 6,
    (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6,
    t ** 3 / 6,
  ];
}
