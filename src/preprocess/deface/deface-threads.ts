import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import { OperationThread } from '../../runtime/base/threads/operation-thread.ts';
import type { DefacedNifti, NiftiFile, NoFace } from './deface-nifti.ts';

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const ENTRY = new URL(`./deface-entry${MODULE_EXTENSION}`, import.meta.url);
type Defacing = { defaceNiftis: (files: readonly NiftiFile[]) => Promise<DefacedNifti[] | NoFace> };

/** Threads that take out faces, as many as there is work at once. */
export class DefaceThreads {
  readonly #free: OperationThread<Defacing>[] = [];
  readonly #all: OperationThread<Defacing>[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#stop);
  }

  /** As `defaceNiftis`; the bytes that were given stay as they are. */
  async deface(files: readonly NiftiFile[]): Promise<DefacedNifti[] | NoFace> {
    const thread = this.#free.pop() ?? this.#begin();
    try {
      return await thread.run('defaceNiftis', files);
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

  #begin(): OperationThread<Defacing> {
    const thread = new OperationThread<Defacing>(ENTRY);
    this.#all.push(thread);
    return thread;
  }
}
