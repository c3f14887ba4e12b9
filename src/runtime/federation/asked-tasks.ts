import { partsOfTask } from '../algorithms/task.ts';
import { ReportedFailure } from '../base/errors/errors.ts';
import { Bell } from '../base/threads/bell.ts';
import type { Payload } from '../run/events.ts';
import { type Arrival, isAsked } from '../run/history.ts';
import type { RunLog } from '../run/run-log.ts';
import { answerEvent } from './answer-event.ts';
import type { Channel, SiteAnswer, SiteTask, Verdict } from './channel.ts';
import { engineObjection } from './engine-objection.ts';
import type { Waiting } from './open-round.ts';

export interface AskedTasksDeps {
  readonly log: RunLog;
  readonly channel: Channel;
  /** The task of an id. */
  readonly task: (id: string, inputs: Payload) => SiteTask;
  readonly signal: AbortSignal;
}

/** Tasks of single sites, for which no round waits. What is asked for and what has arrived is in the run's history alone. */
export class AskedTasks {
  readonly #deps: AskedTasksDeps;
  readonly #bell = new Bell();
  /** Ids of tasks that sites have been given since this process runs. */
  readonly #given = new Set<string>();
  /** What happens is worked off in order. */
  #queue: Promise<unknown> = Promise.resolve();
  #fault: unknown;

  constructor(deps: AskedTasksDeps) {
    this.#deps = deps;
  }

  /** Of a run that goes on: in the order in which they were asked for. Sites that had them must not be told that they have none. */
  giveAgain(): void {
    for (const { task, inputs } of this.#history.asked) {
      const { model, ...others } = inputs;
      if (model && !this.#given.has(task)) this.#give(task, { ...others, model });
    }
  }

  async ask(task: string, inputs: Payload): Promise<void> {
    this.giveAgain();
    const { site } = partsOfTask(task);
    if (this.#history.asked.some((one) => partsOfTask(one.task).site === site))
      throw new Error(`${site} has a task yet.`);
    await this.#deps.log.conclude({ type: 'task.asked', task, inputs });
    this.#give(task, inputs);
  }

  /** What the workflow takes next. */
  async next(): Promise<Arrival> {
    const { log, signal } = this.#deps;
    this.giveAgain();
    for (;;) {
      signal.throwIfAborted();
      if (this.#fault !== undefined) throw this.#fault;
      const [first] = this.#history.arrived;
      if (first) {
        log.jot({ type: 'answer.taken', task: first.task });
        return first;
      }
      if (this.#history.asked.length === 0) throw this.#lastFailure();
      await this.#bell.wait(60, { isNews: () => this.#hasNews(), signal });
    }
  }

  /** Whether an answer is to such a task. */
  holds(task: string): boolean {
    return isAsked(this.#history, task);
  }

  verdictOn(task: string): Verdict | undefined {
    const { arrived, taken } = this.#history;
    if (this.holds(task)) return 'accepted';
    return [...arrived, ...taken].some((one) => one.task === task) ? 'duplicate' : undefined;
  }

  /** Rejects if the answer could not be made durable. */
  take(answer: SiteAnswer): Promise<Verdict> {
    const done = this.#queue.then(() => this.#record(answer));
    this.#queue = done.catch((error: unknown) => {
      this.#fault = error;
      this.#bell.ring();
    });
    return done;
  }

  /** Takes back what has no answer yet. */
  stop(): void {
    for (const { task } of this.#history.asked) if (this.#given.delete(task)) this.#deps.channel.cancel(task);
  }

  waiting(): Waiting | undefined {
    const { asked, arrived, taken } = this.#history;
    const [first] = asked;
    if (!first) return undefined;
    const siteOf = ({ task }: { task: string }) => partsOfTask(task).site;
    const outstanding = asked.map(siteOf);
    const answered = [...arrived, ...taken].map(siteOf);
    const members = [...new Set([...outstanding, ...answered])];
    return {
      round: partsOfTask(first.task).round,
      members,
      answered,
      outstanding,
      rules: { minClients: 1 },
      quorumEnds: undefined,
    };
  }

  #hasNews(): boolean {
    const { arrived, asked } = this.#history;
    return arrived.length > 0 || asked.length === 0 || this.#fault !== undefined;
  }

  get #history() {
    return this.#deps.log.history;
  }

  #give(task: string, inputs: Payload): void {
    this.#given.add(task);
    this.#deps.channel.assign(this.#deps.task(task, inputs));
  }

  async #record(answer: SiteAnswer): Promise<Verdict> {
    const { log } = this.#deps;
    const verdict = this.verdictOn(answer.task) ?? 'late';
    if (verdict !== 'accepted') return verdict;
    const event = answerEvent(engineObjection(this.#history, answer) ?? answer);
    await log.emit(event);
    if (event.type === 'result.accepted' || event.type === 'site.failed') {
      this.#given.delete(answer.task);
      this.#bell.ring();
    }
    return 'accepted';
  }

  #lastFailure(): Error {
    const last = this.#history.taken.findLast(({ error }) => error !== undefined);
    return last?.error ? new ReportedFailure(last.error) : new Error('No site is at work.');
  }
}
