import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MODULE_EXTENSION } from '../../runtime/kernel/module-file.ts';
import type { ExaminationTask } from './examination.ts';

export interface ThreadOptions {
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onDone: () => void;
  /** Used in this thread when one job is asked for. */
  readonly run: (task: ExaminationTask) => Promise<void>;
}

/** Does every task, in `jobs` threads; the first failure, or an abort, ends all of them before it is thrown. */
export async function runInThreads(tasks: readonly ExaminationTask[], options: ThreadOptions): Promise<void> {
  const { jobs, signal, onDone, run } = options;
  const queue = tasks.values();
  if (jobs === 1) {
    for (const task of queue) {
      signal.throwIfAborted();
      await run(task);
      onDone();
    }
    return;
  }
  signal.throwIfAborted();
  const threads = Array.from({ length: Math.min(jobs, tasks.length) }, startThread);
  try {
    await Promise.all(threads.map((thread) => feed(thread, queue, options)));
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
function startThread(): Worker {
  return new Worker(new URL(`./thread${MODULE_EXTENSION}`, import.meta.url));
}

/** Gives one thread a task at a time; threads share the queue. `once` rejects when the thread fails or is aborted. */
async function feed(
  thread: Worker,
  queue: Iterator<ExaminationTask>,
  { signal, onDone }: ThreadOptions,
): Promise<void> {
  for (let next = queue.next(); !next.done; next = queue.next()) {
    thread.postMessage(next.value);
    await once(thread, 'message', { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    onDone();
  }
}
