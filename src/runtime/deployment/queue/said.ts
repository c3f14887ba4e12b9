import type { TaskEvent } from '../../site/executor/executor.ts';
import { PACE } from './pace.ts';

/** What is heard of a task, told together: a line that is printed is no message of its own. */
export class Said {
  #events: TaskEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #tell: (events: readonly TaskEvent[]) => void;

  constructor(tell: (events: readonly TaskEvent[]) => void) {
    this.#tell = tell;
  }

  hear(event: TaskEvent): void {
    const last = this.#events.at(-1);
    // Only how far it is now is of interest.
    if (event.type === 'progress' && last?.type === 'progress') this.#events.pop();
    this.#events.push(event);
    this.#timer ??= setTimeout(() => this.#tell(this.end()), PACE.said);
  }

  /** What was not told yet. */
  end(): readonly TaskEvent[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#events.splice(0);
  }
}
