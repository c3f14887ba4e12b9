import { SCRIPT_LIMITS } from '../limits.ts';
import { counted } from '../text/counted.ts';

const SECOND_MS = 1000;

/**
 * Cuts what a script prints into lines, and no more of them in a second than a log takes: a script that prints without end must hold up
 * neither the loop nor the disk of whoever writes its log. What is dropped is counted, and said in the log.
 */
export class LineBudget {
  /** Of a line that has no end yet. */
  #rest = '';
  #since = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #dropped = 0;

  /** The whole lines of a piece of text. */
  take(text: string): string[] {
    const lines = this.#begin();
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      if (this.#lines >= SCRIPT_LIMITS.lines.most) this.#dropped += 1;
      else {
        this.#lines += 1;
        lines.push(cut(this.#rest + text.slice(start, Math.min(end, start + SCRIPT_LIMITS.line.most))));
      }
      this.#rest = '';
      start = end + 1;
    }
    // What goes beyond a line's length is dropped, also of a line that never ends.
    this.#rest = cut(this.#rest + text.slice(start, start + SCRIPT_LIMITS.line.most));
    return lines;
  }

  /** The last line, that has no end, and what was dropped. */
  end(): string[] {
    const lines = this.#rest === '' ? [] : [this.#rest];
    this.#rest = '';
    return [...lines, ...this.#said()];
  }

  /** What a new second begins with. */
  #begin(): string[] {
    if (performance.now() - this.#since < SECOND_MS) return [];
    this.#since = performance.now();
    this.#lines = 0;
    return this.#said();
  }

  #said(): string[] {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped === 0 ? [] : [`neuroflare: ${counted(dropped, 'line')} dropped: too many in a second`];
  }
}

function cut(line: string): string {
  return line.length > SCRIPT_LIMITS.line.most ? line.slice(0, SCRIPT_LIMITS.line.most) : line;
}
