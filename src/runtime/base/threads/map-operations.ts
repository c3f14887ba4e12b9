import { mapPool } from './map-pool.ts';
import { type Operations, OperationThread } from './operation-thread.ts';

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
  const count = Math.max(1, Math.min(jobs, items.length));
  const threads = Array.from({ length: count }, () => new OperationThread<Ops>(entry));
  const free = [...threads];
  const stop = () => void Promise.all(threads.map((thread) => thread.close(signal.reason as Error)));
  signal.addEventListener('abort', stop);
  try {
    return await mapPool(items, { jobs: count, signal }, async (item) => {
      const thread = free.pop();
      if (!thread) throw new Error('No thread is free.');
      try {
        return await work(thread, item);
      } finally {
        free.push(thread);
      }
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(threads.map((thread) => thread.close()));
  }
}
