import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MODULE_EXTENSION } from '../../../runtime/base/files/module-file.ts';
import type { ConvertedFiles } from './dcm2niix.ts';

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const THREAD = new URL(`./thread${MODULE_EXTENSION}`, import.meta.url);
/** A series of a gigabyte takes a minute; damaged files can hold the converter for ever. */
const MOST_MS = 15 * 60_000;

/** Threads that convert series, one at a time each. What comes in is not trusted: a thread that hangs or dies takes nothing with it. */
export class Converter {
  readonly #idle: Worker[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @returns undefined where the series cannot be converted */
  async convert(paths: readonly string[]): Promise<ConvertedFiles | undefined> {
    const thread = this.#idle.pop() ?? new Worker(THREAD);
    thread.postMessage(paths);
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(MOST_MS)]);
      const [files] = (await once(thread, 'message', { signal })) as [ConvertedFiles | undefined];
      this.#idle.push(thread);
      return files;
    } catch {
      await thread.terminate();
      this.#signal.throwIfAborted();
      return undefined;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.map((thread) => thread.terminate()));
  }
}
