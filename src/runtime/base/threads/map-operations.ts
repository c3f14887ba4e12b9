import { mapPool } from './map-pool.ts';
import type { Operations, OperationThread } from './operation-thread.ts';
import { OperationThreads } from './operation-threads.ts';

export interface OperationPool {
  /** Module that calls `serveOperations`. */
  readonly entry: URL;
  /** Threads at work at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
}

/** Works on every item with a thread of its own meanwhile, and keeps the order of the results; a failure or an abort ends all threads before it is thrown. */
export async function mapOperations<Ops extends Operations, Item, Result>(
  { entry, jobs, signal }: OperationPool,
  items: readonly Item[],
  work: (thread: OperationThread<Ops>, item: Item) => Promise<Result>,
): Promise<Result[]> {
  const threads = new OperationThreads<Ops>(entry, signal);
  try {
    return await mapPool(items, { jobs, signal }, (item) => threads.use((thread) => work(thread, item)));
  } finally {
    await threads.close();
  }
}
