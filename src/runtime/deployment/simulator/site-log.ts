import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { LineBudget } from '../../base/logging/line-budget.ts';

/** When in a run something is said. */
export interface Moment {
  readonly round: number;
  readonly totalRounds: number;
}

/** What the scripts of one site print, in a file: each line with its time (ISO 8601, UTC) and its round. */
export class SiteLog {
  readonly #path: string;
  readonly #budget = new LineBudget();

  constructor(path: string) {
    this.#path = path;
  }

  /** A piece of what is printed; lines need not be whole. */
  print(text: string, moment: Moment): void {
    this.#write(this.#budget.take(text), moment);
  }

  /** The task is over, and with it its last line. */
  end(moment: Moment): void {
    this.#write(this.#budget.end(), moment);
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
