import { Worker, type WorkerOptions } from 'node:worker_threads';
import { type ErrorReport, flError, reviveError } from '../errors/errors.ts';

/** What a thread can be asked to do. */
export type Operations = Readonly<Record<string, (input: never) => Promise<unknown>>>;
export type InputOf<Ops extends Operations, Name extends keyof Ops> = Parameters<Ops[Name]>[0];
export type ResultOf<Ops extends Operations, Name extends keyof Ops> = Awaited<ReturnType<Ops[Name]>>;

/** Without work for this long the thread ends and gives its memory back. */
const IDLE_MS = 60_000;

/** One thread for heavy work, started when there is some. Operations begin in the order they came. */
export class OperationThread<Ops extends Operations> {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #entry: URL;
  readonly #options: WorkerOptions;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #count = 0;

  /** @param entry module that calls `serveOperations` */
  constructor(entry: URL, options: WorkerOptions = {}) {
    this.#entry = entry;
    this.#options = options;
  }

  /** Rejects with the operation's own named error. */
  async run<Name extends keyof Ops & string>(
    name: Name,
    input: InputOf<Ops, Name>,
  ): Promise<ResultOf<Ops, Name>> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const id = this.#count++;
    const done = Promise.withResolvers<unknown>();
    this.#waiting.set(id, done);
    worker.postMessage({ id, name, input });
    try {
      return (await done.promise) as ResultOf<Ops, Name>;
    } finally {
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  /** What is under way fails with `reason`. The next operation begins a new thread. */
  async close(reason = new Error('The thread was closed.')): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    // Before the wait: what comes meanwhile goes to a new thread.
    this.#failAll(reason);
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, this.#options);
    this.#worker = worker;
    worker.on('message', ({ id, error, result }: { id: number; error?: ErrorReport; result?: unknown }) => {
      const done = this.#waiting.get(id);
      if (error) done?.reject(reviveError(error));
      else done?.resolve(result);
    });
    worker.on('error', (error) => this.#end(worker, error));
    worker.on('exit', (code) => this.#end(worker, new Error(`The thread ended with ${code}.`)));
    return worker;
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#failAll(flError('NF_INTERNAL', { message: error.message }, { cause: error }));
  }

  #failAll(error: Error): void {
    for (const done of this.#waiting.values()) done.reject(error);
  }
}
