import type { NeuroflareError } from '../errors/errors.ts';
import { afterWork } from './after-work.ts';
import { type InputOf, type Operations, OperationThread, type ResultOf } from './operation-thread.ts';

export interface GuardedThreadOptions {
  readonly entry: URL;
  /** Of work for one operation, by `afterWork`. */
  readonly seconds: number;
  /** Of JavaScript's heap. */
  readonly megabytes: number;
  /** The error of an operation that went past a limit; `reason` is the end of a sentence. */
  readonly onLimit: (reason: string) => NeuroflareError;
  /** Of a failure that cannot have broken anything: the thread is kept. */
  readonly isHarmless: (thrown: unknown) => boolean;
}

/**
 * A thread for work on what others made: one operation at a time, within limits of time and memory. A thread that has failed once is
 * not used again, for what made it fail may have broken it; `isHarmless` names exceptions.
 */
export class GuardedThread<Ops extends Operations> {
  readonly #thread: OperationThread<Ops>;
  readonly #options: GuardedThreadOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: GuardedThreadOptions) {
    const resourceLimits = { maxOldGenerationSizeMb: options.megabytes };
    this.#thread = new OperationThread<Ops>(options.entry, { resourceLimits });
    this.#options = options;
  }

  /** Rejects with the operation's own named error, that of a limit, or the signal's reason. */
  run<Name extends keyof Ops & string>(
    name: Name,
    input: InputOf<Ops, Name>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Ops, Name>> {
    const done = this.#turn.then(() => this.#guarded(() => this.#thread.run(name, input), signal));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** For good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread.close();
  }

  async #guarded<Result>(work: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const { seconds, megabytes, onLimit, isHarmless } = this.#options;
    signal?.throwIfAborted();
    if (this.#closed) throw new Error('The thread was closed.');
    const end = (reason: Error) => void this.#thread.close(reason);
    const stop = () => end(signal?.reason);
    const callOff = afterWork(seconds, () => end(onLimit(`it takes more than ${seconds} seconds`)));
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await work();
    } catch (thrown) {
      if (isHarmless(thrown)) throw thrown;
      await this.#thread.close();
      if (!isOutOfMemory(thrown)) throw thrown;
      throw onLimit(`it takes more than ${megabytes} MB of memory`);
    } finally {
      callOff();
      signal?.removeEventListener('abort', stop);
    }
  }
}

function isOutOfMemory(thrown: unknown): boolean {
  const { cause } = (thrown ?? {}) as { cause?: { code?: string } };
  return cause?.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
