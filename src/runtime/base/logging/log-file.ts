import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { reasonOf } from '../errors/reason-of.ts';

/** A file that cannot be written is opened anew after this long. */
const AGAIN_MS = 5000;
const TELL_AGAIN_MS = 600_000;

/**
 * A file of bounded size that takes lines. When it cannot be written (the disk is full, the folder is gone), lines are lost and
 * stderr says so now and then: what is logged goes on.
 */
export class LogFile {
  readonly #path: string;
  readonly #limits: { readonly size: `${number}M`; readonly maxFiles: number };
  #stream: RotatingFileStream | undefined;
  #failedAt: number | undefined;
  #toldAt: number | undefined;

  constructor(path: string, { maxMegabytes, keptFiles }: { maxMegabytes: number; keptFiles: number }) {
    this.#path = path;
    this.#limits = { size: `${maxMegabytes}M`, maxFiles: keptFiles };
  }

  write(line: string): void {
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt < AGAIN_MS) return;
    this.#stream ??= this.#open();
    this.#stream?.write(line);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    await new Promise<void>((resolve) => (stream ? stream.end(resolve) : resolve()));
  }

  #open(): RotatingFileStream | undefined {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
    const stream = createStream(basename(this.#path), { path: dirname(this.#path), ...this.#limits });
    stream.on('error', (error) => this.#fail(error));
    return stream;
  }

  #fail(error: unknown): void {
    this.#stream = undefined;
    this.#failedAt = performance.now();
    if (this.#toldAt !== undefined && this.#failedAt - this.#toldAt < TELL_AGAIN_MS) return;
    this.#toldAt = this.#failedAt;
    const reason = reasonOf(error);
    process.stderr.write(`The log ${this.#path} cannot be written: ${reason}\n`);
  }
}
