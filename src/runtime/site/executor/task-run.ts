import type { ErrorReport } from '../../base/errors/errors.ts';
import type { TaskOutcome, TaskWatch } from './executor.ts';
import type { TaskMessage } from './messages.ts';
import { TaskClock } from './task-clock.ts';

export interface TaskRunOptions {
  readonly watch: TaskWatch;
  /** Seconds until the script begins. */
  readonly startLimit: number | undefined;
  /** Called once. */
  readonly onEnd: (outcome: TaskOutcome) => void;
}

/** One task while it runs: what is said of it becomes an outcome, and its time is watched. Nothing that is said later counts. */
export class TaskRun {
  readonly #watch: TaskWatch;
  readonly #onEnd: (outcome: TaskOutcome) => void;
  readonly #clock: TaskClock;
  #isOver = false;
  /** The script has left something there that the next task would find. */
  hasLeft = false;
  /** With the answer: that the script is over. */
  sign: string | undefined;

  constructor({ watch, startLimit, onEnd }: TaskRunOptions) {
    this.#watch = watch;
    this.#onEnd = onEnd;
    const late = (error: ErrorReport) => this.end({ type: 'failure', error });
    this.#clock = new TaskClock({ limit: watch.limit, startLimit }, late);
  }

  receive(message: TaskMessage): void {
    if (this.#isOver) return;
    if (message.type === 'started') this.#clock.begin();
    else if (message.type === 'result') {
      this.sign = message.sign;
      this.end({ type: 'result', answer: message.result });
    } else if (message.type === 'failure') this.end({ type: 'failure', error: message.error });
    else if (message.type === 'log' || message.type === 'progress') this.#watch.emit(message);
    else if (message.type === 'left') {
      this.hasLeft = true;
      this.#watch.emit(message);
    }
  }

  end(outcome: TaskOutcome): void {
    if (this.#isOver) return;
    this.drop();
    this.#onEnd(outcome);
  }

  /** It comes to no end: it was stopped, or begins anew elsewhere. */
  drop(): void {
    this.#isOver = true;
    this.#clock.stop();
  }
}
