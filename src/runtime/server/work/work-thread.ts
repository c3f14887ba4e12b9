import { Worker } from 'node:worker_threads';
import { type ErrorReport, flError, reviveError } from '../../kernel/errors.ts';
import { MODULE_EXTENSION } from '../../kernel/module-file.ts';
import type { Operation, OperationInput, OperationResult } from './operations.ts';

const ENTRY = new URL(`./work-entry${MODULE_EXTENSION}`, import.meta.url);
/** Without work for this long the thread ends and gives its memory back. */
const IDLE_MS = 60_000;

/** One thread for heavy work, started when there is some. Operations run in the order they came. */
export class WorkThread {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #count = 0;

  /** Rejects with the operation's own named error. */
  async run<Name extends Operation>(name: Name, input: OperationInput<Name>): Promise<OperationResult<Name>> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const id = this.#count++;
    const done = Promise.withResolvers<unknown>();
    this.#waiting.set(id, done);
    worker.postMessage({ id, name, input });
    try {
      return (await done.promise) as OperationResult<Name>;
    } finally {
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    // Before the wait: what comes meanwhile goes to a new thread.
    this.#failAll(new Error('The thread was closed.'));
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(ENTRY);
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
