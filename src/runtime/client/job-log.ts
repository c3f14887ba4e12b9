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
/** A script that prints without end must not fill the disk. */
const MOST_BYTES = 50_000_000;
const MOST_LINE = 10_000;
const SEND_MS = 1000;
const MOST_LINES = 500;
const MOST_WAIT_MS = 1000;

/** What a job's scripts print here, line by line; with the site's leave it goes to the server, too. */
export class JobLog {
  readonly #path: string;
  readonly #send: ((lines: Line[]) => Promise<void>) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  level: LogLevel = 'info';
  #rest = '';
  #waiting: Line[] = [];
  #sending: Promise<void> = Promise.resolve();

  constructor(path: string, send: ((lines: Line[]) => Promise<void>) | undefined) {
    this.#path = path;
    this.#send = send;
    mkdirSync(dirname(path), { recursive: true });
    if (send) this.#timer = setInterval(() => this.#flush(), SEND_MS).unref();
  }

  /** A piece of what a script prints; lines need not be whole. */
  print(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.write('info', line);
  }

  write(level: LogLevel, text: string): void {
    if (ORDER.indexOf(level) < ORDER.indexOf(this.level)) return;
    const line = { time: new Date().toISOString(), level, text: text.slice(0, MOST_LINE) };
    if ((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) < MOST_BYTES)
      appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
    if (this.#send && this.#waiting.length < 10 * MOST_LINES) this.#waiting.push(line);
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

  #flush(): void {
    const lines = this.#waiting.splice(0, MOST_LINES);
    if (lines.length === 0) return;
    this.#sending = this.#sending.then(() => this.#send?.(lines)).catch(() => undefined);
  }
}
