import { type ErrorReport, ReportedFailure } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { AcceptedResult, RunEvent, TaskKind } from '../run/events.ts';
import type { Channel, SiteAnswer, SiteTask, Verdict } from './channel.ts';
import {
  newRound,
  outstanding,
  type RoundEffect,
  type RoundInput,
  type RoundRules,
  type RoundState,
  stepRound,
} from './round.ts';

export interface OpenRoundDeps {
  readonly round: number;
  readonly kind: TaskKind;
  readonly members: readonly string[];
  readonly rules: RoundRules;
  /** Answers from before a restart. */
  readonly earlier: readonly AcceptedResult[];
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
  #state: RoundState;
  #settle: PromiseWithResolvers<readonly AcceptedResult[]> = Promise.withResolvers();
  #timer: NodeJS.Timeout | undefined;
  #quorumEnds: number | undefined;
  /** What happens is worked off in order; the state moves only when the journal has the answer. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(deps: OpenRoundDeps) {
    this.#deps = deps;
    this.#state = newRound(deps.rules);
  }

  get number(): number {
    return this.#deps.round;
  }

  async run(): Promise<readonly AcceptedResult[]> {
    const { signal, members, earlier } = this.#deps;
    const stop = () => this.#stop(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', stop, { once: true });
    try {
      this.#apply({ type: 'open', members });
      for (const result of earlier) this.#apply({ type: 'result', result });
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

  waiting(): Waiting {
    const { members, results, rules } = this.#state;
    return {
      round: this.#deps.round,
      members,
      answered: [...results.keys()],
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

  async #record(answer: SiteAnswer): Promise<Verdict> {
    const { round, emit, objection } = this.#deps;
    if (answer.round !== round || this.#state.phase === 'aborted') return 'late';
    const site = answer.type === 'result' ? answer.result.site : answer.site;
    if (answer.type === 'started') await emit({ type: 'task.started', round, site });
    if (answer.type === 'progress') await emit({ ...answer, type: 'task.progress' });
    if (answer.type === 'result' || answer.type === 'failure') return this.#settleSite(site, answer);
    const refused = objection(answer);
    if (refused?.type === 'failure') return this.#settleSite(site, refused);
    if (answer.type === 'engine') await emit({ type: 'engine.used', site, engine: answer.engine });
    return 'accepted';
  }

  async #settleSite(site: string, answer: SiteAnswer & { type: 'result' | 'failure' }): Promise<Verdict> {
    const { round, emit } = this.#deps;
    const verdict = this.#verdictFor(site);
    if (verdict !== 'accepted') return verdict;
    if (answer.type === 'result') {
      const { result } = answer;
      await emit({ type: 'result.accepted', round, result });
      this.#apply({ type: 'result', result });
    } else {
      const error = this.#placed(answer.error, site);
      await emit({ type: 'site.failed', round, site, error });
      this.#apply({ type: 'failure', site, error });
    }
    return 'accepted';
  }

  /** The round after the last one of training has no number that people know. */
  #placed(error: ErrorReport, site: string): ErrorReport {
    const { round, kind } = this.#deps;
    const stage = kind === 'evaluate' ? ({ stage: 'final scoring' } as const) : {};
    return { ...error, place: { ...error.place, site, round, ...stage } };
  }

  #verdictFor(site: string): Verdict {
    const { phase, results, failures, members } = this.#state;
    if (!members.includes(site)) return 'stranger';
    if (results.has(site) || failures.has(site)) return 'duplicate';
    return phase === 'open' || phase === 'quorum' ? 'accepted' : 'late';
  }

  #apply(input: RoundInput): void {
    const { state, effects } = stepRound(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RoundEffect): void {
    const { channel, task, earlier } = this.#deps;
    if (effect.type === 'assign' && !earlier.some(({ site }) => site === effect.site))
      channel.assign(task(effect.site));
    if (effect.type === 'cancel') for (const site of effect.sites) channel.cancel(site);
    if (effect.type === 'start-quorum-timer') this.#startTimer(effect.seconds);
    if (effect.type === 'aggregate') {
      faultPoint('round.aggregating');
      this.#settle.resolve(this.#inMemberOrder());
    }
    if (effect.type === 'finish' && this.#state.phase === 'aborted')
      this.#settle.reject(this.#firstFailure());
  }

  #startTimer(seconds: number): void {
    faultPoint('round.quorum');
    this.#quorumEnds = Date.now() + seconds * 1000;
    // Behind the answers that came before it: one that is being journaled is accepted, and so must be counted.
    const end = async () => this.#apply({ type: 'quorum-timeout' });
    this.#timer = setTimeout(() => void this.#next(end), seconds * 1000);
  }

  #inMemberOrder(): AcceptedResult[] {
    const { members, results } = this.#state;
    return members.flatMap((site) => results.get(site) ?? []);
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
