import { type ErrorReport, flError } from '../../base/errors/errors.ts';
import { TASK_LIMITS } from '../../base/limits.ts';

/** A process or a thread starts, and reads the model. */
const START_SECONDS = TASK_LIMITS.start_seconds.most;

export interface TaskLimits {
  /** Seconds the script has, from its first line on. */
  readonly limit: number;
  /** Seconds until that line. */
  readonly startLimit?: number | undefined;
}

/** The time of a task: a script has all of its limit however long the machine took to begin it. */
export class TaskClock {
  readonly #limit: number;
  readonly #onLate: (error: ErrorReport) => void;
  #timer: NodeJS.Timeout;
  #hasBegun = false;

  constructor({ limit, startLimit = START_SECONDS }: TaskLimits, onLate: (error: ErrorReport) => void) {
    this.#limit = limit;
    this.#onLate = onLate;
    this.#timer = this.#after(startLimit, 'NF_SCRIPT_START');
  }

  /** The script begins. A script can say so, too: only the first time counts. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    clearTimeout(this.#timer);
    this.#timer = this.#after(this.#limit, 'NF_SCRIPT_TIMEOUT');
  }

  stop(): void {
    this.#hasBegun = true;
    clearTimeout(this.#timer);
  }

  #after(seconds: number, code: 'NF_SCRIPT_START' | 'NF_SCRIPT_TIMEOUT'): NodeJS.Timeout {
    return setTimeout(() => this.#onLate(flError(code, { seconds }).report()), seconds * 1000);
  }
}
