import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLevel } from '../wire/shapes.ts';

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly text: string;
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const DEFAULT_MOST_BYTES = 20_000_000;
const MOST_LINE = 10_000;
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
  #isThere = false;
  #rest = '';
  #waiting: Line[] = [];
  #sending: Promise<void> = Promise.resolve();
  #isSending = false;

  /** @param most bytes the file may have: a script that prints without end must not fill the disk */
  constructor(path: string, send: ((lines: Line[]) => Promise<void>) | undefined, most = DEFAULT_MOST_BYTES) {
    this.#path = path;
    this.#most = most;
    this.#send = send;
    if (send) this.#timer = setInterval(() => this.#flush(), SEND_MS).unref();
  }

  /** A piece of what a script prints; lines need not be whole. */
  print(text: string): void {
    const lines = (this.#rest + text).split('\n');
    // What goes beyond a line's length is dropped, also of a line that never ends.
    this.#rest = (lines.pop() ?? '').slice(0, MOST_LINE);
    for (const line of lines) if (line !== '') this.write('info', line);
  }

  write(level: LogLevel, text: string): void {
    if (ORDER.indexOf(level) < ORDER.indexOf(this.level)) return;
    const line = { time: new Date().toISOString(), level, text: text.slice(0, MOST_LINE) };
    this.#keep(line);
    if (this.#send && this.#waiting.length < MOST_WAITING) this.#waiting.push(line);
  }

  /** What there is is sent, if that is possible within a moment: a job that ends takes no more lines. */
  async flush(): Promise<void> {
    if (this.#rest !== '') this.write('info', this.#rest);
    this.#rest = '';
    this.#flush();
    await Promise.race([this.#sending, sleep(MOST_WAIT_MS, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** A disk that is full costs lines, not the job. */
  #keep(line: Line): void {
    try {
      // With the first line: a server that offers jobs nobody signed makes no folders here.
      if (!this.#isThere) mkdirSync(dirname(this.#path), { recursive: true });
      this.#isThere = true;
      if ((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) < this.#most)
        appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
    } catch {
      // The next one may find room.
    }
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
