import type { FileHandle } from 'node:fs/promises';

/** Bytes after which the disk begins to store what there is. */
const PART = 16 * 1024 * 1024;
/** One at a time in a process: a slow disk must not take all the threads that files are read and written on. */
let isSyncing = false;

/** Has the disk store a long file while it is still being written, so that its sync in the end has little to wait for. */
export class EarlySync {
  readonly #file: FileHandle;
  readonly #part: number;
  #since = 0;
  #running: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(file: FileHandle, part = PART) {
    this.#file = file;
    this.#part = part;
  }

  /** Tells of more bytes that were written. Throws if those before them could not be stored. */
  grown(bytes: number): void {
    if (this.#failure) throw this.#failure.error;
    this.#since += bytes;
    if (this.#since < this.#part || isSyncing) return;
    this.#since = 0;
    isSyncing = true;
    this.#running = this.#running
      .then(() => this.#file.datasync())
      .finally(() => {
        isSyncing = false;
      });
    this.#running.catch((error: unknown) => {
      this.#failure = { error };
    });
  }

  /** To be awaited before the sync of the whole file: a system tells of a failed write only once. */
  end(): Promise<void> {
    return this.#running;
  }
}
