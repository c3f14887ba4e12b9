/**
 * Weights of which none is over `ratio` (at least 1) times the median of the others: no site drowns the rest by a number that it gives
 * itself. Sites of sizes that differ by less keep theirs, bit for bit. A weight of zero counts for no median; where there is no other
 * site, nothing is capped.
 */
export function capWeights(weights: readonly number[], ratio: number): number[] {
  const sorted = weights.filter((weight) => weight > 0).sort((a, b) => a - b);
  // Whichever weight of the upper half is taken out, the median of the others is the same; those of the lower half are under it.
  const cap = ratio * median(sorted.slice(0, -1));
  return weights.map((weight) => Math.min(weight, cap));
}

/** Infinite where there is nothing. */
function median(sorted: readonly number[]): number {
  const at = (index: number) => sorted[index] ?? Number.POSITIVE_INFINITY;
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
}
