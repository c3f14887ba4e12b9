import { type Operations, OperationThread } from './operation-thread.ts';

/** Threads that do the same work, as many as there is work at once. */
export class OperationThreads<Ops extends Operations> {
  readonly #free: OperationThread<Ops>[] = [];
  readonly #all: OperationThread<Ops>[] = [];
  readonly #entry: URL;
  readonly #signal: AbortSignal;

  /**
   * @param entry module that calls `serveOperations`
   * @param signal its abort ends all threads; what is under way fails with its reason
   */
  constructor(entry: URL, signal: AbortSignal) {
    this.#entry = entry;
    this.#signal = signal;
    signal.addEventListener('abort', this.#stop);
  }

  /** Does some work with a thread that does nothing else meanwhile. */
  async use<Result>(work: (thread: OperationThread<Ops>) => Promise<Result>): Promise<Result> {
    const thread = this.#free.pop() ?? this.#begin();
    try {
      return await work(thread);
    } finally {
      this.#free.push(thread);
    }
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop);
    await Promise.all(this.#all.map((thread) => thread.close()));
  }

  readonly #stop = () => {
    for (const thread of this.#all) void thread.close(this.#signal.reason as Error);
  };

  #begin(): OperationThread<Ops> {
    const thread = new OperationThread<Ops>(this.#entry);
    this.#all.push(thread);
    return thread;
  }
}
