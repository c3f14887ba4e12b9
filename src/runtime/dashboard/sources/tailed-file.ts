import { open, stat } from 'node:fs/promises';

/** Of a log that is longer, what comes before is not read. */
const MOST_BYTES = 4_000_000;
/** Of a line that has no end yet; what is longer is told in pieces. */
const LONGEST_LINE = 1_000_000;

/** The lines that a file gains, by looking at it now and then. */
export class TailedFile {
  readonly #path: string;
  #offset: number | undefined;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Whole lines since the last look; at the first, the newest of the file. A file that is shorter than it was begins anew. */
  async news(): Promise<string[]> {
    const size = (await stat(this.#path).catch(() => undefined))?.size ?? 0;
    if (this.#offset !== undefined && size < this.#offset) this.#begin(0);
    const isCut = this.#offset === undefined && size > MOST_BYTES;
    if (this.#offset === undefined) this.#begin(Math.max(0, size - MOST_BYTES));
    const lines = this.#linesOf(await this.#read(size));
    return isCut ? lines.slice(1) : lines;
  }

  #begin(offset: number): void {
    this.#offset = offset;
    this.#rest = Buffer.alloc(0);
  }

  async #read(size: number): Promise<Buffer> {
    const from = this.#offset ?? 0;
    const length = Math.min(MOST_BYTES, size - from);
    if (length <= 0) return Buffer.alloc(0);
    const file = await open(this.#path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
      this.#offset = from + bytesRead;
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  #linesOf(bytes: Buffer): string[] {
    const all = Buffer.concat([this.#rest, bytes]);
    const last = all.lastIndexOf(0x0a) + 1;
    const end = all.length - last > LONGEST_LINE ? all.length : last;
    this.#rest = Buffer.from(all.subarray(end));
    return all
      .toString('utf8', 0, end)
      .split('\n')
      .filter((line) => line !== '');
  }
}
