import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { EarlySync } from './early-sync.ts';
import { appendAll, withPath } from './files.ts';

/** What a connection gives at a time is small; the disk likes more. */
const PART = 1024 * 1024;
/** Chunks in a part, however small they are. */
const CHUNKS = 1024;
/** What a slow line has given is written after so many milliseconds. */
const PAUSE_MS = 50;

/**
 * Has a file grow by what comes, from its end on; `syncFile` makes it durable and has little left to do. What was written before the
 * stream ends, or breaks, stays. Only where the disk could not store what it had taken the file is emptied: nobody knows which of its
 * bytes are lost.
 */
export class Appender extends Writable {
  readonly #path: string;
  #file: FileHandle | undefined;
  #early: EarlySync | undefined;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    super({ highWaterMark: PART });
    this.#path = path;
  }

  override _construct(done: (error?: Error) => void): void {
    const opened = async () => {
      this.#file = await open(this.#path, 'a');
      this.#early = new EarlySync(this.#file);
    };
    opened().then(() => done(), done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    this.#timer ??= setTimeout(() => this.#begin(), PAUSE_MS);
    if (this.#bytes < PART && this.#waiting.length < CHUNKS) {
      done();
      return;
    }
    // One part is gathered while one is written; a failure destroys the stream.
    const before = this.#writing;
    this.#begin();
    before.then(done, () => undefined);
  }

  override _final(done: (error?: Error) => void): void {
    this.#end().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#end()
      .catch((thrown: Error) => thrown)
      .then(async (own) => {
        await this.#file?.close();
        const fault = error ?? own;
        withPath(fault, this.#path);
        done(fault ?? null);
      })
      .catch(done);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => this.#early?.grown(await this.#writeWaiting()));
    this.#writing.catch((error: Error) => this.destroy(error));
  }

  /** Bytes it wrote. */
  async #writeWaiting(): Promise<number> {
    const [parts, length] = [this.#waiting, this.#bytes];
    this.#waiting = [];
    this.#bytes = 0;
    if (!this.#file || length === 0) return 0;
    const { bytesWritten } = await this.#file.writev(parts);
    if (bytesWritten < length) await appendAll(this.#file, Buffer.concat(parts).subarray(bytesWritten));
    return length;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    const written = this.#writing.then(() => this.#writeWaiting());
    await written.catch(() => undefined);
    await this.#early?.end().catch(async (error: unknown) => {
      await this.#file?.truncate();
      throw error;
    });
    await written;
  }
}
