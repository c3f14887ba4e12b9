import { z } from 'zod';
import type { AggregationRequest, AggregatorName } from '../algorithms/aggregator.ts';
import { AGGREGATORS } from '../algorithms/registry.ts';
import type { Federation, RoundRequest } from '../algorithms/workflow.ts';
import type { RunPlan } from '../job/plan.ts';
import { atPlace, flError, type NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { deriveSeed } from '../kernel/random.ts';
import type { Goal } from '../run/best-model.ts';
import type { AcceptedResult, FileRef, RunEvent, RunObserver } from '../run/events.ts';
import { contestAfter, hasAnswer, inSiteOrder, type RunHistory, record } from '../run/history.ts';
import { spentFiles } from '../run/live-files.ts';
import { boundedCounts, otherClasses, poolReports } from '../run/pool-reports.ts';
import type { Journal } from '../store/journal.ts';
import type { Channel, SiteAnswer, SiteTask, Verdict } from './channel.ts';
import { missingKeyMetric, requireKeyMetric } from './key-metric.ts';
import { OpenRound, type Waiting } from './open-round.ts';
import type { RoundRules } from './round.ts';
import type { RunFiles } from './run-files.ts';
import { selectMembers } from './select-members.ts';
import { weighResults } from './weigh-results.ts';

export interface CoordinatorRules extends Goal {
  readonly minClients: number;
  /** Sites without which no round is closed. */
  readonly mandatory: readonly string[];
  /** Seconds; undefined waits for every site that has not failed. */
  readonly waitAfterQuorum: number | undefined;
  /** Results that make a round; undefined: of all sites. */
  readonly clientsPerRound: number | undefined;
  readonly overSelection: number;
  readonly numRounds: number;
  readonly seed: number;
  readonly jobName: string;
  /** Of the job's model, where it names them. */
  readonly classes?: readonly string[] | undefined;
}

/** The rules a job sets. */
export function rulesOf({ job, minClients }: Pick<RunPlan, 'job' | 'minClients'>): CoordinatorRules {
  const named = job.model.kind === 'built' && z.array(z.string()).safeParse(job.model.spec.classes);
  const classes = named ? named.data : undefined;
  return { ...job.workflow, minClients, seed: job.seed, jobName: job.name, classes };
}

export interface CoordinatorDeps {
  readonly rules: CoordinatorRules;
  readonly channel: Channel;
  readonly journal: Pick<Journal<RunEvent>, 'append'>;
  readonly files: RunFiles;
  readonly observe: RunObserver;
  readonly signal: AbortSignal;
  /** From the journal of an earlier start, or of this one's first records. */
  readonly history: RunHistory;
  /** Where models are averaged; default: here. */
  readonly aggregate?: (name: AggregatorName, request: AggregationRequest) => Promise<string>;
}

/** The side of the federation that holds the global model: runs a job's rounds over a channel, durably. */
export interface Coordinator extends Federation {
  readonly history: RunHistory;
  /** What the open round waits for. */
  waiting(): Waiting | undefined;
  /** What an answer of this site to this round counts for, if it came now. */
  verdictOn(site: string, round: number): Verdict;
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
  readonly #said = new Set<string>();
  #round: OpenRound | undefined;

  constructor(deps: CoordinatorDeps) {
    if (!deps.history.position) throw new Error('A run starts with its initial model.');
    this.#deps = deps;
    this.history = deps.history;
    this.position = deps.history.position;
    deps.channel.listen((answer) => this.#take(answer));
  }

  async note(event: RunEvent): Promise<void> {
    faultPoint(`${event.type}:before`);
    await this.#deps.journal.append(event);
    faultPoint(`${event.type}:after`);
    this.#show(event);
  }

  waiting(): Waiting | undefined {
    return this.#round?.waiting();
  }

  verdictOn(site: string, round: number): Verdict {
    if (this.#round?.number === round) return this.#round.verdictOn(site);
    return hasAnswer(this.history, site, round) ? 'duplicate' : 'late';
  }

  /** Opens a round, or takes up the one that was open when the run stopped, with the answers it had. */
  async collect(request: RoundRequest): Promise<readonly AcceptedResult[]> {
    this.#deps.signal.throwIfAborted();
    const { last } = this.history;
    // The last round may be closed already when a run is resumed.
    if (last?.round === request.round) return last.results;
    const members = await this.#members(request);
    const { round, kind } = request;
    await this.#dropOtherClasses(round);
    this.#round = new OpenRound({
      ...this.#deps,
      round,
      kind,
      members,
      rules: this.#roundRules(members),
      accepted: () => this.history.accepted,
      task: (site) => this.#task(site, request),
      emit: (event) => this.#emit(event),
      objection: (answer) => this.#engineObjection(answer),
    });
    try {
      const results = await this.#sameClasses(round, await this.#round.run());
      requireKeyMetric(results, this.#deps.rules.keyMetric);
      return results;
    } finally {
      this.#round = undefined;
    }
  }

  async aggregate(
    request: RoundRequest,
    results: readonly AcceptedResult[],
    aggregator: AggregatorName,
  ): Promise<FileRef> {
    const { files, rules, aggregate = (name, work) => AGGREGATORS[name](work) } = this.#deps;
    let usable = results;
    for (;;) {
      const { contributions, notes } = weighResults(usable, { ...rules, files });
      const base = files.at(request.model);
      try {
        const model = await files.keepModel(request.round, (target) =>
          aggregate(aggregator, { contributions, base, target }),
        );
        faultPoint('model.kept');
        await this.#close(request, usable, { model, notes });
        return model;
      } catch (thrown) {
        usable = await this.#withoutCulprit(thrown, request, usable);
      }
    }
  }

  /** An update that is finite alone may leave no number together with others. */
  async #withoutCulprit(
    thrown: unknown,
    { round }: RoundRequest,
    results: readonly AcceptedResult[],
  ): Promise<readonly AcceptedResult[]> {
    const error = toNeuroflareError(thrown);
    const site = error.place?.site;
    if (error.code !== 'NF_AGGREGATE_NOT_FINITE' || site === undefined) throw thrown;
    return this.#without(site, { error, round, results });
  }

  /** Figures of other classes than those of the others cannot be pooled with them. */
  async #sameClasses(round: number, results: readonly AcceptedResult[]): Promise<readonly AcceptedResult[]> {
    let rest = results;
    for (const { site, ...differ } of otherClasses(inSiteOrder(results), this.#deps.rules.classes))
      rest = await this.#without(site, {
        error: flError('NF_TRAIN_METRICS_DIFFER', differ),
        round,
        results: rest,
      });
    return rest;
  }

  /** Of a run that goes on: what the log has of a site that counted other classes is asked for again. */
  async #dropOtherClasses(round: number): Promise<void> {
    const { accepted } = this.history;
    for (const { site, actual } of otherClasses(inSiteOrder(accepted), this.#deps.rules.classes))
      await this.note({ type: 'result.dropped', round, site, reason: `it counts the classes ${actual}` });
  }

  /** An answer may show to be unusable beside those of others: its site has failed in this round, whose rule decides. */
  async #without(
    site: string,
    { error, round, results }: { error: NeuroflareError; round: number; results: readonly AcceptedResult[] },
  ): Promise<readonly AcceptedResult[]> {
    await this.note({
      type: 'site.failed',
      round,
      site,
      error: { ...error.report(), place: { site, round } },
    });
    const rest = results.filter((result) => result.site !== site);
    const { minClients, mandatory } = this.#deps.rules;
    const isEnough = rest.length >= Math.max(1, minClients) && !mandatory.includes(site);
    if (!isEnough) throw atPlace(error, { site, round });
    return rest;
  }

  async close(request: RoundRequest, results: readonly AcceptedResult[]): Promise<void> {
    if (this.history.last?.round !== request.round) await this.#close(request, results, { notes: [] });
  }

  /** Of a round that was open already: as it was opened. */
  async #members(request: RoundRequest): Promise<readonly string[]> {
    const { channel, rules, signal } = this.#deps;
    if (this.history.open?.round === request.round) return this.history.open.sites;
    const least = rules.clientsPerRound ?? rules.minClients;
    const present = await channel.ready({ ...rules, least, signal });
    const members = selectMembers(present, rules, [rules.seed, rules.jobName, request.round]);
    await this.note({ type: 'round.opened', sites: members, ...request });
    return members;
  }

  #roundRules(members: readonly string[]): RoundRules {
    const { minClients, mandatory, waitAfterQuorum, clientsPerRound } = this.#deps.rules;
    return {
      minClients,
      mandatory,
      ...(waitAfterQuorum !== undefined && { waitAfterQuorum }),
      ...(clientsPerRound !== undefined && clientsPerRound < members.length && { target: clientsPerRound }),
    };
  }

  #task(site: string, request: RoundRequest): SiteTask {
    const { rules } = this.#deps;
    const state = this.history.states.get(site);
    return {
      ...request,
      site,
      totalRounds: rules.numRounds,
      seed: deriveSeed(rules.seed, rules.jobName, site, request.round),
      ...(state && { state }),
    };
  }

  async #take(answer: SiteAnswer): Promise<Verdict> {
    if (this.#round?.number === answer.round) return this.#round.take(answer);
    return this.verdictOn(answer.type === 'result' ? answer.result.site : answer.site, answer.round);
  }

  async #close(
    request: RoundRequest,
    results: readonly AcceptedResult[],
    { model, notes }: { model?: FileRef; notes: readonly string[] },
  ) {
    const { round, kind } = request;
    const before = this.history;
    const { rules } = this.#deps;
    const reports = inSiteOrder(results);
    const metrics = poolReports(reports, rules);
    const { best, standIn } = contestAfter(before, metrics);
    const chosen = { ...(best && { best: best.model }), ...(standIn && { stand_in: standIn.model }) };
    const bounded = boundedCounts(reports, rules.maxWeightRatio);
    const said = this.#news([...notes, ...bounded, ...missingKeyMetric(reports, rules.keyMetric)]);
    await this.note({
      type: 'round.closed',
      round,
      kind,
      metrics,
      ...(model && { model }),
      chosen,
      ...(said.length > 0 && { notes: said }),
    });
    await this.#prune(request, before);
    await this.#deps.files.closeRound(round, before.open?.sites ?? []);
  }

  /** Removes what has done its work once the round is closed. */
  async #prune({ kind }: RoundRequest, before: RunHistory): Promise<void> {
    // A longer run goes on from before the last scoring, with what there was then.
    if (kind === 'evaluate') return;
    await this.#deps.files.discard(spentFiles(before, this.history));
  }

  /** What is so in every round is said once. */
  #news(notes: readonly string[]): string[] {
    const news = notes.filter((text) => !this.#said.has(text));
    for (const text of news) this.#said.add(text);
    return news;
  }

  /** Durable events go to the journal first; those that only show life are shown at once; news only once. */
  async #emit(event: RunEvent): Promise<void> {
    if (event.type === 'engine.used' && this.history.engines.has(event.site)) return;
    if (event.type === 'task.started' || event.type === 'task.progress') this.#show(event);
    else await this.note(event);
  }

  /** Another engine than earlier in the run would go on with other bits. */
  #engineObjection(answer: SiteAnswer): SiteAnswer | undefined {
    if (answer.type !== 'engine') return undefined;
    const { site, round, engine } = answer;
    const known = this.history.engines.get(site);
    if (
      !known ||
      ['name', 'device', 'library'].every((key) => Reflect.get(known, key) === Reflect.get(engine, key))
    )
      return undefined;
    const what = `the engine of ${site} (${known.name} on ${known.device} with ${known.library} before, ${engine.name} on ${engine.device} with ${engine.library} now)`;
    const error = flError('NF_RUN_CHANGED', { what }, { place: { site, round } }).report();
    return { type: 'failure', site, round, error };
  }

  #show(event: RunEvent): void {
    this.history = record(this.history, event);
    this.#deps.observe(event);
  }
}
