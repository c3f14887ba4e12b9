import { faultPoint } from '../base/errors/fault-point.ts';
import type { RunEvent, RunObserver } from './events.ts';
import { type RunHistory, record } from './history.ts';
import type { Journal } from './journal.ts';

interface RunLogDeps {
  readonly journal: Pick<Journal<RunEvent>, 'append' | 'read'>;
  readonly history: RunHistory;
  readonly observe: RunObserver;
}

/** What a run writes down, and what that adds up to. */
export class RunLog {
  history: RunHistory;
  readonly #deps: RunLogDeps;
  readonly #before: number;
  /** Outcomes of calls on which nothing durable is built yet: without them the calls are made again. */
  #jotted: RunEvent[] = [];

  constructor(deps: RunLogDeps) {
    this.#deps = deps;
    this.history = deps.history;
    this.#before = deps.history.count;
  }

  /** The events of earlier starts. */
  async *earlier(): AsyncGenerator<RunEvent> {
    let left = this.#before;
    if (left === 0) return;
    for await (const { event } of this.#deps.journal.read()) {
      yield event;
      left -= 1;
      if (left === 0) return;
    }
  }

  /** Durable when it returns. */
  async note(event: RunEvent): Promise<void> {
    await this.#append([event]);
    this.#show(event);
  }

  /** Is written down together with the next event that concludes something. */
  jot(event: RunEvent): void {
    this.#jotted.push(event);
    this.history = record(this.history, event);
  }

  /** As `note`, with what was jotted down before it. */
  async conclude(event: RunEvent): Promise<void> {
    const jotted = this.#jotted;
    this.#jotted = [];
    await this.#append([...jotted, event]);
    for (const one of jotted) this.#deps.observe(one);
    this.#show(event);
  }

  /** Durable events go to the journal first; those that only show life are shown at once; news only once. */
  async emit(event: RunEvent): Promise<void> {
    if (event.type === 'engine.used' && this.history.engines.has(event.site)) return;
    if (event.type === 'task.started' || event.type === 'task.progress') this.#show(event);
    else await this.note(event);
  }

  async #append(events: readonly RunEvent[]): Promise<void> {
    for (const { type } of events) faultPoint(`${type}:before`);
    await Promise.all(events.map((event) => this.#deps.journal.append(event)));
    for (const { type } of events) faultPoint(`${type}:after`);
  }

  #show(event: RunEvent): void {
    this.history = record(this.history, event);
    this.#deps.observe(event);
  }
}
