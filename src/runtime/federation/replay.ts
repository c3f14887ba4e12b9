import { keyText, partsOfTask, type TaskKey } from '../algorithms/task.ts';
import type { Answer, Arrival, ReduceStep } from '../algorithms/workflow.ts';
import { flError } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { Files, Payload, RunEvent } from '../run/events.ts';
import { inSiteOrder } from '../run/history.ts';
import { withoutKept } from '../run/kept-files.ts';

/** What a call of a workflow came to. */
export interface Outcomes {
  readonly members: readonly string[];
  readonly exchange: readonly Answer[];
  readonly reduce: Payload;
  /** Figures of the model that the round has scored. */
  readonly publish: MetricReport;
  readonly ask: undefined;
  readonly next: Arrival;
}
type Verb = keyof Outcomes;
export type Call = { readonly [Kind in Verb]: CallOf<Kind> }[Verb];

/** A call of a workflow: `asked` is all that decides its outcome, as text. */
export interface CallOf<Kind extends Verb> {
  readonly verb: Kind;
  readonly round: number;
  /** Of an exchange and an ask. */
  readonly name?: string;
  readonly about?: string | undefined;
  /** Of an ask. */
  readonly site?: string;
  readonly asked: string;
}

interface Waiting {
  readonly call: Call;
  readonly settle: PromiseWithResolvers<{ readonly outcome: Outcomes[Verb] } | undefined>;
}

/**
 * The calls of a workflow that are in a run's log. The log is read along with the workflow, one event at a time, and only once: memory
 * does not grow with its rounds.
 */
export class Replay {
  readonly #events: AsyncIterable<RunEvent>;
  readonly #waiting = new Map<string, Waiting>();
  /** Answers to the exchanges of the round at hand in the log, by the ids of their tasks. */
  readonly #answers = new Map<string, Answer>();
  /** Ids of tasks for which no round waits, and what came of them. */
  readonly #asked = new Set<string>();
  readonly #arrived = new Map<string, Arrival>();
  #reading: Promise<void> | undefined;
  #isOver = false;
  #fault: unknown;

  constructor(events: AsyncIterable<RunEvent>) {
    this.#events = events;
  }

  /**
   * What the log holds of a call; undefined once it has no more: from there on the run is live.
   * @throws NF_RUN_REPLAY where the log holds another call
   */
  async outcome<Kind extends Verb>(
    call: CallOf<Kind> & Call,
  ): Promise<{ readonly outcome: Outcomes[Kind] } | undefined> {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#isOver) return undefined;
    const settle: Waiting['settle'] = Promise.withResolvers();
    this.#waiting.set(idOf(call), { call, settle });
    this.#reading ??= this.#read();
    return settle.promise as Promise<{ readonly outcome: Outcomes[Kind] } | undefined>;
  }

  /** The workflow makes no more calls. @throws NF_RUN_REPLAY if the log has further ones */
  async end(): Promise<void> {
    this.#reading ??= this.#read();
    await this.#reading;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #read(): Promise<void> {
    try {
      for await (const event of this.#events) await this.#receive(event);
      this.#isOver = true;
      for (const { settle } of this.#waiting.values()) settle.resolve(undefined);
    } catch (error) {
      this.#fault = error;
      for (const { settle } of this.#waiting.values()) settle.reject(error);
    }
    this.#waiting.clear();
  }

  async #receive(event: RunEvent): Promise<void> {
    switch (event.type) {
      case 'members.chosen':
        return this.#settle({ verb: 'members', round: event.round }, event.sites);
      case 'round.opened':
        return this.#opened(event);
      case 'task.asked': {
        this.#asked.add(event.task);
        return this.#settle({ verb: 'ask', ...partsOfTask(event.task) }, undefined, askText(event.inputs));
      }
      case 'answer.taken':
        return this.#taken(event.task);
      case 'result.accepted':
        if (!this.#arrive(event.task, event.result)) this.#answers.set(event.task, event.result);
        return;
      case 'site.failed':
        if (!this.#arrive(event.task, undefined)) this.#answers.delete(event.task);
        return;
      case 'result.dropped':
        this.#answers.delete(event.task);
        return;
      case 'round.answered':
        return this.#answered(event, event.sites);
      case 'model.made':
        return this.#settle(
          { verb: 'reduce', round: event.round, about: event.about },
          event.made,
          event.reducer,
        );
      case 'round.closed':
        return this.#closed(event);
      default:
    }
  }

  /** Whether it is of a task for which no round waits. */
  #arrive(task: string, answer: Answer | undefined): boolean {
    if (!this.#asked.delete(task)) return false;
    const { round, site } = partsOfTask(task);
    this.#arrived.set(task, { task, round, site, answer });
    return true;
  }

  async #taken(task: string): Promise<void> {
    const arrival = this.#arrived.get(task);
    this.#arrived.delete(task);
    if (!arrival) {
      const logged = `an answer to ${task}, which it does not have`;
      throw flError('NF_RUN_REPLAY', { asked: 'the next answer', logged });
    }
    await this.#settle({ verb: 'next', round: 0 }, arrival);
  }

  async #opened(event: RunEvent & { type: 'round.opened' }): Promise<void> {
    const { round, name, about } = event;
    // Logs of version 1 do not tell the choice of the members apart.
    if (this.#waiting.has(idOf({ verb: 'members', round })))
      await this.#settle({ verb: 'members', round }, event.sites);
    const { inputs: common, own } = event;
    this.#require(
      { verb: 'exchange', round, name, about },
      exchangeText({ sites: event.sites, common, own }),
    );
    for (const earlier of [this.#asked, this.#arrived]) earlier.clear();
  }

  async #answered({ round, name, about }: TaskKey, sites: readonly string[]): Promise<void> {
    const key = { round, name, ...(about !== undefined && { about }) };
    const own = [...this.#answers].filter(([task]) => keyText(partsOfTask(task)) === keyText(key));
    const answers = inSiteOrder(own.map(([, answer]) => answer).filter(({ site }) => sites.includes(site)));
    await this.#settle({ verb: 'exchange', ...key }, answers);
  }

  async #closed(event: RunEvent & { type: 'round.closed' }): Promise<void> {
    const { round, kind: name, model, state, metrics } = event;
    // Nor in logs of version 1 what a round's model was made of.
    if (this.#waiting.has(idOf({ verb: 'exchange', name, round }))) {
      await this.#answered(
        { name, round },
        [...this.#answers.values()].map(({ site }) => site),
      );
      if (model) await this.#settle({ verb: 'reduce', round }, { model });
    }
    this.#answers.clear();
    await this.#settle(
      { verb: 'publish', round },
      metrics,
      publishText(model && { ...withoutKept(state ?? {}), model }),
    );
  }

  /** Gives the call its outcome, and the workflow its turn. */
  async #settle(key: Key, outcome: Outcomes[Verb], logged?: string): Promise<void> {
    const { settle } = this.#require(key, logged);
    this.#waiting.delete(idOf(key));
    settle.resolve({ outcome });
    await new Promise(setImmediate);
  }

  #require(key: Key, logged?: string): Waiting {
    const found = this.#waiting.get(idOf(key));
    if (found && (logged === undefined || logged === found.call.asked)) return found;
    const asked = [...this.#waiting.values()].map(({ call }) => `${idOf(call)} (${call.asked})`);
    throw flError('NF_RUN_REPLAY', {
      asked: asked.length > 0 ? asked.join(', ') : 'nothing more',
      logged: logged === undefined ? idOf(key) : `${idOf(key)} (${logged})`,
    });
  }
}

type Key = Pick<Call, 'verb' | 'round' | 'name' | 'about' | 'site'>;

function idOf({ verb, round, name, about, site }: Key): string {
  if (verb === 'next') return 'the next answer';
  const what = [...(name === undefined ? [] : [name]), `of round ${round}`];
  const whose = [
    ...(about === undefined ? [] : [`about ${about}`]),
    ...(site === undefined ? [] : [`at ${site}`]),
  ];
  return [verb, ...what, ...whose].join(' ');
}

/** What is given, by name, as a log tells it. */
function filesText(files: Files): string {
  return Object.entries(files)
    .map(([name, { sha256 }]) => `${name} ${sha256.slice(0, 12)}`)
    .sort()
    .join(', ');
}

/** What a single site is asked for, as its log tells it. */
export function askText(inputs: Files): string {
  return `with ${filesText(inputs)}`;
}

/** What an exchange asks for, as its log tells it. */
export function exchangeText({
  sites,
  common,
  own = {},
}: {
  readonly sites: readonly string[];
  readonly common: Files;
  readonly own?: Readonly<Record<string, Files>> | undefined;
}): string {
  const others = sites.flatMap((site) => {
    const files = filesText(own[site] ?? {});
    return files === '' ? [] : [`; ${site} ${files}`];
  });
  return `with ${filesText(common)} at ${sites.join(', ')}${others.join('')}`;
}

/** What a reduction does, as its log tells it. */
export function reductionText({ reducer, aggregation }: Pick<ReduceStep, 'reducer' | 'aggregation'>): string {
  return aggregation ? `${aggregation.aggregator.name} ${reducer.name}` : reducer.name;
}

export function publishText(made: Payload | undefined): string {
  return made ? filesText(made) : 'figures alone';
}
