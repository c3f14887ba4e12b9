import { rm } from 'node:fs/promises';
import type { AggregationRequest, Aggregator } from '../algorithms/aggregator.ts';
import type { Federation, RoundRequest } from '../algorithms/workflow.ts';
import { sha256File } from '../kernel/digest.ts';
import { flError, reviveError } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { deriveSeed } from '../kernel/random.ts';
import type { Journal } from '../store/journal.ts';
import type { MetricReport } from '../telemetry/metrics.ts';
import type { AcceptedResult, BestModel, FileRef, RunEvent, RunObserver } from '../telemetry/run-events.ts';
import { modelPath, type RunFolder, updatePath } from '../workspace/run-folder.ts';
import type { Channel, SiteAnswer } from './channel.ts';
import { bestModel, type RunHistory, record } from './history.ts';
import { poolReports } from './pool-reports.ts';
import { newRound, type RoundEffect, type RoundInput, type RoundState, stepRound } from './round.ts';

export interface CoordinatorRules {
  readonly sites: readonly string[];
  readonly minClients: number;
  /** Seconds; undefined waits for every site that has not failed. */
  readonly waitAfterQuorum: number | undefined;
  readonly numRounds: number;
  readonly seed: number;
  readonly jobName: string;
  readonly keyMetric: string;
  readonly keyMetricGoal: 'maximize' | 'minimize';
}

export interface CoordinatorDeps {
  readonly rules: CoordinatorRules;
  readonly channel: Channel;
  readonly journal: Journal<RunEvent>;
  readonly folder: RunFolder;
  readonly observe: RunObserver;
  readonly signal: AbortSignal;
  /** From the journal of an earlier start, or of this one's first records. */
  readonly history: RunHistory;
}

/** The side of the federation that holds the global model: runs a job's rounds over a channel, durably. */
export interface Coordinator extends Federation {
  readonly history: RunHistory;
  /** Best model by the key metric among those scored so far. */
  best(): BestModel | undefined;
  /** Journals an event and shows it. */
  note(event: RunEvent): Promise<void>;
}

export function createCoordinator(deps: CoordinatorDeps): Coordinator {
  return new RoundCoordinator(deps);
}

class RoundCoordinator implements Coordinator {
  readonly position: Federation['position'];
  history: RunHistory;
  readonly #deps: CoordinatorDeps;
  #round: OpenRound | undefined;
  #bestRound: number | undefined;
  /** What the sites kept when the present round opened. */
  #statesBefore: ReadonlyMap<string, FileRef> = new Map();

  constructor(deps: CoordinatorDeps) {
    if (!deps.history.position) throw new Error('A run starts with its initial model.');
    this.#deps = deps;
    this.history = deps.history;
    this.position = deps.history.position;
    this.#bestRound = this.best()?.round;
    deps.channel.listen((answer) => this.#round?.take(answer));
  }

  async note(event: RunEvent): Promise<void> {
    await this.#deps.journal.append(event);
    this.#show(event);
  }

  best(): BestModel | undefined {
    const { keyMetric: metric, keyMetricGoal: goal } = this.#deps.rules;
    return bestModel(this.history, { metric, goal });
  }

  /** Opens a round, or takes up the one that was open when the run stopped, with the answers it had. */
  async collect(request: RoundRequest): Promise<readonly AcceptedResult[]> {
    const { rules, signal } = this.#deps;
    signal.throwIfAborted();
    const closed = this.#closed(request.round);
    if (closed) return closed.results;
    this.#statesBefore = this.history.states;
    const earlier = this.history.openRound === request.round ? this.history.accepted : [];
    if (this.history.openRound !== request.round)
      await this.note({ type: 'round.opened', sites: rules.sites, ...request });
    const round = new OpenRound({
      ...this.#deps,
      request,
      earlier,
      states: this.history.states,
      emit: (event) => this.#emit(event),
    });
    this.#round = round;
    try {
      const results = await round.run();
      this.#requireKeyMetric(results);
      return results;
    } finally {
      this.#round = undefined;
    }
  }

  async aggregate(
    request: RoundRequest,
    results: readonly AcceptedResult[],
    aggregator: Aggregator,
  ): Promise<FileRef> {
    const { folder } = this.#deps;
    const path = modelPath(request.round);
    await aggregator(this.#aggregation(request, results));
    const model = { path, sha256: await sha256File(folder.at(path)) };
    await this.#close(request, results, model);
    return model;
  }

  async close(request: RoundRequest, results: readonly AcceptedResult[]): Promise<void> {
    if (!this.#closed(request.round)) await this.#close(request, results, undefined);
  }

  /** The last round may be closed already when a run is resumed. */
  #closed(round: number) {
    return this.history.closed.find((closed) => closed.round === round);
  }

  #aggregation(request: RoundRequest, results: readonly AcceptedResult[]): AggregationRequest {
    const { folder } = this.#deps;
    return {
      contributions: results.map(({ site, numExamples, paramsType, update }) => ({
        site,
        paramsType,
        weight: numExamples,
        path: folder.at(update?.path ?? updatePath(site, request.round)),
      })),
      base: folder.at(request.model.path),
      target: folder.at(modelPath(request.round)),
    };
  }

  async #close(
    { round, kind }: RoundRequest,
    results: readonly AcceptedResult[],
    model: FileRef | undefined,
  ) {
    await this.note({
      type: 'round.closed',
      round,
      kind,
      metrics: poolReports(results),
      ...(model && { model }),
    });
    await this.#prune(round, results);
  }

  /**
   * Updates, and what sites kept before, have done their work once the round is closed; of the models the initial, the
   * best and the last one stay.
   * Only the model this round began with and the one that was best before can have become superfluous.
   */
  async #prune(round: number, results: readonly AcceptedResult[]): Promise<void> {
    const { folder, rules } = this.#deps;
    const last = this.history.position?.round ?? 0;
    const best = this.best()?.round;
    const candidates = new Set([last - 1, this.#bestRound ?? 0].filter((model) => model > 0));
    for (const kept of [last, best]) candidates.delete(kept ?? 0);
    this.#bestRound = best;
    const replaced = results.flatMap(({ site, state }) => {
      const before = state && this.#statesBefore.get(site);
      return before && before.path !== state.path ? before.path : [];
    });
    // Of every site: one that was too late may have left an update, too.
    const updates = rules.sites.map((site) => updatePath(site, round));
    await Promise.all(
      [...updates, ...replaced, ...[...candidates].map(modelPath)].map((path) =>
        rm(folder.at(path), { force: true }),
      ),
    );
  }

  /**
   * A metric nobody sends would leave the run without a best model: said after the first round, not after the last. Null
   * stands for a figure that a site cannot give this time.
   */
  #requireKeyMetric(results: readonly AcceptedResult[]): void {
    const { keyMetric } = this.#deps.rules;
    const reports: MetricReport[] = [poolReports(results), ...results.map(({ metrics }) => metrics)];
    if (
      reports.some(
        (report) => typeof (report[keyMetric] ?? 0) === 'number' && Object.hasOwn(report, keyMetric),
      )
    )
      return;
    const reported = [...new Set(reports.flatMap((report) => Object.keys(report)))].sort();
    throw flError('NF_KEY_METRIC_MISSING', {
      metric: keyMetric,
      reported: reported.length > 0 ? reported.join(', ') : 'none',
      nearest: didYouMean(keyMetric, reported),
    });
  }

  /** Durable events go to the journal first; those that only show life are shown at once; news only once. */
  async #emit(event: RunEvent): Promise<void> {
    if (event.type === 'engine.used' && this.#isKnownEngine(event)) return;
    if (event.type === 'task.started' || event.type === 'task.progress') this.#show(event);
    else await this.note(event);
  }

  /** Another engine than earlier in the run would go on with other bits. */
  #isKnownEngine({ site, engine }: RunEvent & { type: 'engine.used' }): boolean {
    const known = this.history.engines.get(site);
    if (
      known &&
      (known.name !== engine.name || known.device !== engine.device || known.library !== engine.library)
    ) {
      const what = `the engine of ${site} (${known.name} on ${known.device} with ${known.library} before, ${engine.name} on ${engine.device} with ${engine.library} now)`;
      throw flError('NF_RUN_CHANGED', { what });
    }
    return known !== undefined;
  }

  #show(event: RunEvent): void {
    this.history = record(this.history, event);
    this.#deps.observe(event);
  }
}

interface OpenRoundDeps extends CoordinatorDeps {
  readonly request: RoundRequest;
  readonly earlier: readonly AcceptedResult[];
  readonly states: ReadonlyMap<string, FileRef>;
  readonly emit: (event: RunEvent) => Promise<void>;
}

/** Carries out the effects of one round's state machine. */
class OpenRound {
  readonly #deps: OpenRoundDeps;
  #state: RoundState;
  #settle: PromiseWithResolvers<readonly AcceptedResult[]> = Promise.withResolvers();
  #timer: NodeJS.Timeout | undefined;
  /** What happens is worked off in order; the state moves only when the journal has the answer. */
  #queue: Promise<void> = Promise.resolve();

  constructor(deps: OpenRoundDeps) {
    const { minClients, waitAfterQuorum } = deps.rules;
    this.#deps = deps;
    this.#state = newRound({ minClients, ...(waitAfterQuorum !== undefined && { waitAfterQuorum }) });
  }

  async run(): Promise<readonly AcceptedResult[]> {
    const stop = () => this.#stop(this.#deps.signal.reason);
    this.#deps.signal.throwIfAborted();
    this.#deps.signal.addEventListener('abort', stop, { once: true });
    try {
      this.#apply({ type: 'open', members: this.#deps.rules.sites });
      for (const result of this.#deps.earlier) this.#apply({ type: 'result', result });
      return await this.#settle.promise;
    } finally {
      clearTimeout(this.#timer);
      this.#deps.signal.removeEventListener('abort', stop);
    }
  }

  take(answer: SiteAnswer): void {
    this.#next(() => this.#record(answer));
  }

  #next(work: () => Promise<void> | void): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => this.#stop(error));
  }

  async #record(answer: SiteAnswer): Promise<void> {
    const { request, emit } = this.#deps;
    const { round } = request;
    if (answer.round !== round || this.#state.phase === 'aborted') return;
    if (answer.type === 'started') await emit({ type: 'task.started', round, site: answer.site });
    if (answer.type === 'progress') await emit({ ...answer, type: 'task.progress' });
    if (answer.type === 'engine')
      await emit({ type: 'engine.used', site: answer.site, engine: answer.engine });
    if (answer.type === 'result' && this.#isNews(answer.result.site)) {
      await emit({ type: 'result.accepted', round, result: answer.result });
      this.#apply({ type: 'result', result: answer.result });
    }
    if (answer.type === 'failure' && this.#isNews(answer.site)) {
      await emit({ type: 'site.failed', round, site: answer.site, error: answer.error });
      this.#apply({ type: 'failure', site: answer.site, error: answer.error });
    }
  }

  #isNews(site: string): boolean {
    const { phase, results, failures, members } = this.#state;
    return (
      (phase === 'open' || phase === 'quorum') &&
      members.includes(site) &&
      !results.has(site) &&
      !failures.has(site)
    );
  }

  #apply(input: RoundInput): void {
    const { state, effects } = stepRound(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RoundEffect): void {
    const { channel } = this.#deps;
    if (effect.type === 'assign') this.#assign(effect.site);
    if (effect.type === 'cancel') for (const site of effect.sites) channel.cancel(site);
    if (effect.type === 'start-quorum-timer') {
      // Behind the answers that came before it: one that is being journaled is accepted, and so must be counted.
      const end = () => this.#next(() => this.#apply({ type: 'quorum-timeout' }));
      this.#timer = setTimeout(end, effect.seconds * 1000);
    }
    if (effect.type === 'aggregate') this.#settle.resolve(this.#inSiteOrder());
    if (effect.type === 'finish' && this.#state.phase === 'aborted')
      this.#settle.reject(this.#firstFailure());
  }

  #assign(site: string): void {
    const { channel, request, rules, states, earlier } = this.#deps;
    if (earlier.some((result) => result.site === site)) return;
    const state = states.get(site);
    channel.assign({
      ...request,
      site,
      totalRounds: rules.numRounds,
      seed: deriveSeed(rules.seed, rules.jobName, site, request.round),
      ...(state && { state }),
    });
  }

  #inSiteOrder(): AcceptedResult[] {
    const { members, results } = this.#state;
    return members.flatMap((site) => results.get(site) ?? []);
  }

  #firstFailure(): Error {
    const [first] = this.#state.failures.values();
    return first ? reviveError(first) : new Error('The round was stopped.');
  }

  #stop(reason: unknown): void {
    this.#settle.reject(reason);
    this.#apply({ type: 'abort' });
  }
}
