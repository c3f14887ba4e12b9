import { keyText, partsOfTask, type TaskKey, taskId, VALIDATE } from '../algorithms/task.ts';
import type { RoundRules } from '../algorithms/workflow.ts';
import { ReportedFailure } from '../base/errors/errors.ts';
import { faultPoint } from '../base/errors/fault-point.ts';
import type { AcceptedResult, RunEvent } from '../run/events.ts';
import { inSiteOrder } from '../run/history.ts';
import { answerEvent } from './answer-event.ts';
import { type Channel, type SiteAnswer, type SiteTask, siteOf, type Verdict } from './channel.ts';
import {
  openRound,
  outstanding,
  type RoundEffect,
  type RoundInput,
  type RoundState,
  type RoundStep,
  stepRound,
  verdictOn,
} from './round.ts';

export interface OpenRoundDeps {
  readonly key: TaskKey;
  readonly members: readonly string[];
  readonly rules: RoundRules;
  /** Answers that are in the run's history, those of before a restart first. */
  readonly accepted: () => readonly AcceptedResult[];
  readonly channel: Channel;
  readonly task: (site: string) => SiteTask;
  /** Makes an event durable, or shows it. */
  readonly emit: (event: RunEvent) => Promise<void>;
  /** An answer that cannot be taken from this site, as a failure of its own. */
  readonly objection: (answer: SiteAnswer) => SiteAnswer | undefined;
  readonly signal: AbortSignal;
}

/** What a round waits for, for people who wait, too. */
export interface Waiting {
  readonly round: number;
  readonly members: readonly string[];
  readonly answered: readonly string[];
  readonly outstanding: readonly string[];
  readonly rules: RoundRules;
  /** When the quorum's timer ends the round, in milliseconds of the epoch; undefined while it does not run. */
  readonly quorumEnds: number | undefined;
}

/** Carries out the effects of one round's state machine. */
export class OpenRound {
  readonly #deps: OpenRoundDeps;
  readonly #opening: RoundStep;
  #state: RoundState;
  #settle: PromiseWithResolvers<readonly AcceptedResult[]> = Promise.withResolvers();
  #timer: NodeJS.Timeout | undefined;
  #quorumEnds: number | undefined;
  /** What happens is worked off in order; the state moves only when the journal has the answer. */
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws NF_ROUND_MEMBERS */
  constructor(deps: OpenRoundDeps) {
    this.#deps = deps;
    const { rules, members } = deps;
    this.#opening = openRound({ rules, members, answered: deps.accepted().map(({ site }) => site) });
    this.#state = this.#opening.state;
  }

  /** Whether a task is one of its own. */
  holds(task: string): boolean {
    return keyText(partsOfTask(task)) === keyText(this.#deps.key);
  }

  async run(): Promise<readonly AcceptedResult[]> {
    const { signal } = this.#deps;
    const stop = () => this.#stop(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (const effect of this.#opening.effects) this.#carryOut(effect);
      return await this.#settle.promise;
    } finally {
      clearTimeout(this.#timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Rejects if the answer could not be made durable. */
  take(answer: SiteAnswer): Promise<Verdict> {
    return this.#next(() => this.#record(answer));
  }

  verdictOn(site: string): Verdict {
    return verdictOn(this.#state, site);
  }

  waiting(): Waiting {
    const { members, answered, rules } = this.#state;
    return {
      round: this.#deps.key.round,
      members,
      answered: [...answered],
      outstanding: outstanding(this.#state),
      rules,
      quorumEnds: this.#quorumEnds,
    };
  }

  #next<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(work);
    this.#queue = done.catch((error: unknown) => this.#stop(error));
    return done;
  }

  /** What counts for nothing is neither noted nor shown. */
  async #record(answer: SiteAnswer): Promise<Verdict> {
    const { key, emit, objection } = this.#deps;
    const site = siteOf(answer);
    const verdict = this.verdictOn(site);
    if (verdict !== 'accepted') return verdict;
    // The round after the last one of training has no number that people know.
    const stage = key.name === 'evaluate' || key.name === VALIDATE ? 'final scoring' : undefined;
    const event = answerEvent(objection(answer) ?? answer, stage);
    await emit(event);
    if (event.type === 'result.accepted') this.#apply({ type: 'result', site });
    if (event.type === 'site.failed') this.#apply({ type: 'failure', site, error: event.error });
    return verdict;
  }

  #apply(input: RoundInput): void {
    const { state, effects } = stepRound(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RoundEffect): void {
    const { channel, task, key } = this.#deps;
    if (effect.type === 'assign') channel.assign(task(effect.site));
    if (effect.type === 'cancel') for (const site of effect.sites) channel.cancel(taskId({ ...key, site }));
    if (effect.type === 'start-quorum-timer') this.#startTimer(effect.seconds);
    if (effect.type === 'close') {
      faultPoint('round.aggregating');
      this.#settle.resolve(this.#answers());
    }
    if (effect.type === 'abandon') this.#settle.reject(this.#firstFailure());
  }

  #startTimer(seconds: number): void {
    faultPoint('round.quorum');
    this.#quorumEnds = Date.now() + seconds * 1000;
    // Behind the answers that came before it: one that is being journaled is accepted, and so must be counted.
    const end = async () => this.#apply({ type: 'quorum-timeout' });
    this.#timer = setTimeout(() => void this.#next(end), seconds * 1000);
  }

  /** In site order. */
  #answers(): AcceptedResult[] {
    return inSiteOrder(this.#deps.accepted().filter(({ site }) => this.#state.answered.has(site)));
  }

  #firstFailure(): Error {
    const [first] = this.#state.failures.values();
    return first ? new ReportedFailure(first) : new Error('The round was stopped.');
  }

  #stop(reason: unknown): void {
    this.#settle.reject(reason);
    this.#apply({ type: 'abort' });
  }
}
