import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SCRIPT_LIMITS } from '../../../base/limits.ts';
import { LineBudget } from '../../../base/logging/line-budget.ts';
import type { LogLevel } from '../../../network/messages/shapes.ts';

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly text: string;
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const NEWLINE = 0x0a;
const SEND_MS = 1000;
const MOST_LINES = 500;
/** Lines that wait for the server. */
const MOST_WAITING = 5000;
/** Of one message; the server takes twice as much. */
const MOST_SENT = 1_000_000;
const MOST_WAIT_MS = 1000;

/** What a job's scripts print here, line by line; with the site's leave it goes to the server, too. */
export class JobLog {
  readonly #path: string;
  readonly #most: number;
  readonly #send: ((lines: Line[]) => Promise<void>) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  level: LogLevel = 'info';
  readonly #budget = new LineBudget();
  /** Bytes of the file; undefined until its first line is written. */
  #size: number | undefined;
  #waiting: Line[] = [];
  #sending: Promise<void> = Promise.resolve();
  #isSending = false;

  /** @param most bytes the file may have: a script that prints without end must not fill the disk */
  constructor(
    path: string,
    send: ((lines: Line[]) => Promise<void>) | undefined,
    most: number = SCRIPT_LIMITS.file.most,
  ) {
    this.#path = path;
    this.#most = most;
    this.#send = send;
    if (send) this.#timer = setInterval(() => this.#flush(), SEND_MS).unref();
  }

  /** A piece of what a script prints; lines need not be whole. */
  print(text: string): void {
    this.#write('info', this.#budget.take(text));
  }

  write(level: LogLevel, text: string): void {
    this.#write(level, [text]);
  }

  #write(level: LogLevel, texts: readonly string[]): void {
    if (ORDER.indexOf(level) < ORDER.indexOf(this.level)) return;
    const time = new Date().toISOString();
    const lines = texts
      .filter((text) => text !== '')
      .map((text) => ({ time, level, text: text.slice(0, SCRIPT_LIMITS.line.most) }));
    if (lines.length === 0) return;
    this.#keep(lines);
    if (this.#send) this.#waiting.push(...lines.slice(0, Math.max(0, MOST_WAITING - this.#waiting.length)));
  }

  /** What there is is sent, if that is possible within a moment: a job that ends takes no more lines. */
  async flush(): Promise<void> {
    this.#write('info', this.#budget.end());
    this.#flush();
    await Promise.race([this.#sending, sleep(MOST_WAIT_MS, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** A disk that is full costs lines, not the job. */
  #keep(lines: readonly Line[]): void {
    try {
      this.#size ??= this.#opened();
      if (this.#size >= this.#most) return;
      const block = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      const room = this.#most - this.#size;
      // Whole lines alone, and the one that fills it.
      const end = block.length <= room ? block.length : block.indexOf(NEWLINE, room) + 1;
      appendFileSync(this.#path, block.subarray(0, end));
      this.#size += end;
    } catch {
      // The next one may find room.
    }
  }

  /** Bytes that are there. With the first line: a server that offers jobs nobody signed makes no folders here. */
  #opened(): number {
    mkdirSync(dirname(this.#path), { recursive: true });
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  #flush(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#sending = this.#sendAll().finally(() => {
      this.#isSending = false;
    });
  }

  /** One message after another: while the server is away, what waits is bounded. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0, this.#fitting());
      await this.#send?.(lines).catch(() => undefined);
    }
  }

  /** How many of the lines that wait fit into a message. */
  #fitting(): number {
    let bytes = 0;
    const tooMuch = this.#waiting.findIndex((line, index) => {
      bytes += Buffer.byteLength(JSON.stringify(line)) + 1;
      return index === MOST_LINES || bytes > MOST_SENT;
    });
    return tooMuch === -1 ? this.#waiting.length : tooMuch;
  }
}
