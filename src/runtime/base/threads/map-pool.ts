/**
 * Works on several items at once and keeps the order of the results. After a failure or an abort no new item is begun, and those under
 * way are waited for, so that nothing runs on behind the caller's back.
 */
export async function mapPool<Item, Result>(
  items: readonly Item[],
  limits: { readonly jobs: number; readonly signal?: AbortSignal | undefined },
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.length === 0 && !limits.signal?.aborted) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index);
      } catch (failure) {
        failures.push(failure);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limits.jobs, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  limits.signal?.throwIfAborted();
  return results;
}
