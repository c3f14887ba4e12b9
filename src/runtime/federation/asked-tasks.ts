import { ReportedFailure } from '../base/errors/errors.ts';
import { Bell } from '../base/threads/bell.ts';
import { type Arrival, isAsked } from '../run/history.ts';
import type { RunLog } from '../run/run-log.ts';
import { answerEvent } from './answer-event.ts';
import { type Channel, type SiteAnswer, type SiteTask, siteOf, type Verdict } from './channel.ts';
import { engineObjection } from './engine-objection.ts';
import type { Waiting } from './open-round.ts';
import type { TaskSpec } from './workflow.ts';

interface AskedTasksDeps {
  readonly log: RunLog;
  readonly channel: Channel;
  readonly task: (site: string, task: TaskSpec) => SiteTask;
  readonly signal: AbortSignal;
}

/** Tasks of single sites, for which no round waits. What is asked for and what has arrived is in the run's history alone. */
export class AskedTasks {
  readonly #deps: AskedTasksDeps;
  readonly #bell = new Bell();
  /** Sites that have been given their task since this process runs. */
  readonly #given = new Set<string>();
  /** What happens is worked off in order. */
  #queue: Promise<unknown> = Promise.resolve();
  #fault: unknown;

  constructor(deps: AskedTasksDeps) {
    this.#deps = deps;
  }

  /** Of a run that goes on: in the order in which they were asked for. Sites that had them must not be told that they have none. */
  giveAgain(): void {
    for (const { site, round, kind, model } of this.#history.asked)
      if (!this.#given.has(site)) this.#give({ name: kind, round, inputs: { model } }, site);
  }

  async ask(task: TaskSpec, site: string): Promise<void> {
    this.giveAgain();
    const { round, name: kind, inputs } = task;
    if (this.#history.asked.some((one) => one.site === site)) throw new Error(`${site} has a task yet.`);
    await this.#deps.log.conclude({ type: 'task.asked', round, kind, site, model: inputs.model });
    this.#give(task, site);
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
        log.jot({ type: 'answer.taken', round: first.round, site: first.site });
        return first;
      }
      if (this.#history.asked.length === 0) throw this.#lastFailure();
      await this.#bell.wait(60, { isNews: () => this.#hasNews(), signal });
    }
  }

  /** Whether an answer is to such a task. */
  holds({ site, round }: { site: string; round: number }): boolean {
    return isAsked(this.#history, { site, round });
  }

  verdictOn(site: string, round: number): Verdict | undefined {
    const { arrived, taken } = this.#history;
    if (this.holds({ site, round })) return 'accepted';
    return [...arrived, ...taken].some((one) => one.site === site && one.round === round)
      ? 'duplicate'
      : undefined;
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
    for (const { site } of this.#history.asked) if (this.#given.delete(site)) this.#deps.channel.cancel(site);
  }

  waiting(): Waiting | undefined {
    const { asked, arrived, taken } = this.#history;
    const [first] = asked;
    if (!first) return undefined;
    const outstanding = asked.map(({ site }) => site);
    const answered = [...arrived, ...taken].map(({ site }) => site);
    const members = [...new Set([...outstanding, ...answered])];
    return {
      round: first.round,
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

  #give(task: TaskSpec, site: string): void {
    this.#given.add(site);
    this.#deps.channel.assign(this.#deps.task(site, task));
  }

  async #record(answer: SiteAnswer): Promise<Verdict> {
    const { log } = this.#deps;
    const site = siteOf(answer);
    const verdict = this.verdictOn(site, answer.round) ?? 'late';
    if (verdict !== 'accepted') return verdict;
    const event = answerEvent(engineObjection(this.#history, answer) ?? answer);
    await log.emit(event);
    if (event.type === 'result.accepted' || event.type === 'site.failed') {
      this.#given.delete(site);
      this.#bell.ring();
    }
    return 'accepted';
  }

  #lastFailure(): Error {
    const last = this.#history.taken.findLast(({ error }) => error !== undefined);
    return last?.error ? new ReportedFailure(last.error) : new Error('No site is at work.');
  }
}
