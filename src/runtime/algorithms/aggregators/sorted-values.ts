/** Hands out the values that sites have of each number, smallest first; the array is the same each time. */
export function sortedValues(
  values: readonly Float64Array[],
  take: (sorted: Float64Array, index: number) => void,
): void {
  const sorted = new Float64Array(values.length);
  const length = values[0]?.length ?? 0;
  for (let index = 0; index < length; index++) {
    for (let site = 0; site < values.length; site++) sorted[site] = values[site]?.[index] ?? 0;
    take(sorted.sort(), index);
  }
}
