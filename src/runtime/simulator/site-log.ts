import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** When in a run something is said. */
export interface Moment {
  readonly round: number;
  readonly totalRounds: number;
}

/** What the scripts of one site print, in a file: each line with its time (ISO 8601, UTC) and its round. */
export class SiteLog {
  readonly #path: string;
  /** Of a line that has no end yet. */
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** A piece of what is printed; lines need not be whole. */
  print(text: string, moment: Moment): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#write(lines, moment);
  }

  /** The task is over, and with it its last line. */
  end(moment: Moment): void {
    if (this.#rest !== '') this.#write([this.#rest], moment);
    this.#rest = '';
  }

  #write(lines: readonly string[], { round, totalRounds }: Moment): void {
    if (lines.length === 0) return;
    const stage = round > totalRounds ? 'final scoring' : `round ${round}`;
    const before = `${new Date().toISOString()} ${stage}: `;
    append(this.#path, lines.map((line) => `${before}${line}\n`).join(''));
  }
}

/** The folder is there for all lines but the first one. */
function append(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text);
  }
}
