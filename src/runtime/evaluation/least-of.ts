/** The item of the least value, of those that have one; of equals the first. */
export function leastOf<T>(items: readonly T[], value: (item: T) => number | null): T | undefined {
  const known = items.flatMap((item) => {
    const own = value(item);
    return own === null ? [] : [{ item, own }];
  });
  return known.sort((a, b) => a.own - b.own)[0]?.item;
}
