import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface ThreadOptions {
  /** Module of a thread: it answers every message with one message. */
  readonly module: URL;
  /** Threads at work at once. */
  readonly jobs: number;
  /** Given to each thread once, as its `workerData`; memory that is shared is not copied. */
  readonly data?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly onDone?: (() => void) | undefined;
}

/** Does every task in a thread and keeps the order of the answers; the first failure, or an abort, ends all threads before it is thrown. */
export async function mapInThreads<Task, Answer>(
  tasks: readonly Task[],
  options: ThreadOptions,
): Promise<Answer[]> {
  const { module, jobs, data, signal } = options;
  signal?.throwIfAborted();
  const queue = tasks.entries();
  const answers = new Array<Answer>(tasks.length);
  const count = Math.min(jobs, tasks.length);
  const threads = Array.from({ length: count }, () => new Worker(module, { workerData: data }));
  try {
    await Promise.all(threads.map((thread) => feed({ thread, queue, answers }, options)));
    return answers;
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

/** Gives one thread a task at a time; threads share the queue. `once` rejects when the thread fails or is aborted. */
async function feed<Task, Answer>(
  work: { thread: Worker; queue: Iterator<[number, Task]>; answers: Answer[] },
  { signal, onDone }: ThreadOptions,
): Promise<void> {
  const { thread, queue, answers } = work;
  for (let next = queue.next(); !next.done; next = queue.next()) {
    const [index, task] = next.value;
    thread.postMessage(task);
    const [answer] = await once(thread, 'message', signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    answers[index] = answer as Answer;
    onDone?.();
  }
}
