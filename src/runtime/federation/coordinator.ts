import { atPlace, flError, type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { faultPoint } from '../base/errors/fault-point.ts';
import { deriveSeed } from '../base/random.ts';
import type { Payload, RunEvent, RunObserver } from '../run/events.ts';
import { contestAfter, hasAnswer, inSiteOrder, type RunHistory, reportsNow } from '../run/history.ts';
import type { Journal } from '../run/journal.ts';
import { missingKeyMetric, requireKeyMetric } from '../run/key-metric.ts';
import { spentFiles } from '../run/live-files.ts';
import { boundedCounts, leftOut, otherCounts, poolReports } from '../run/pool-reports.ts';
import type { RunFiles } from '../run/run-files.ts';
import { RunLog } from '../run/run-log.ts';
import { AskedTasks } from './asked-tasks.ts';
import { type Channel, type SiteAnswer, type SiteTask, siteOf, type Verdict } from './channel.ts';
import { type CoordinatorRules, roundRules } from './coordinator-rules.ts';
import { engineObjection } from './engine-objection.ts';
import { OpenRound, type Waiting } from './open-round.ts';
import { type Digests, reduce } from './reduce.ts';
import type { ReduceRequest } from './reducer.ts';
import { REDUCERS } from './registry.ts';
import { askText, exchangeText, publishText, Replay, reduceText } from './replay.ts';
import { selectMembers } from './select-members.ts';
import { contributionsOf } from './weigh-results.ts';
import type { Answer, Arrival, Federation, ReduceStep, RoundRules, TaskSpec } from './workflow.ts';

export interface CoordinatorDeps {
  readonly rules: CoordinatorRules;
  readonly channel: Channel;
  readonly journal: Pick<Journal<RunEvent>, 'append' | 'read'>;
  readonly files: RunFiles;
  readonly observe: RunObserver;
  readonly signal: AbortSignal;
  /** From the journal of an earlier start, or of this one's first records. */
  readonly history: RunHistory;
  /** Where models are reduced; default: here. */
  readonly reduce?: (request: ReduceRequest) => Promise<Digests>;
}

/** The side of the federation that holds the global model: carries out what a workflow asks for, durably. */
export interface Coordinator extends Federation {
  readonly history: RunHistory;
  /** What the open round waits for. */
  waiting(): Waiting | undefined;
  /** What an answer of this site to this round counts for, if it came now. */
  verdictOn(site: string, round: number): Verdict;
  /** Journals an event and shows it. */
  note(event: RunEvent): Promise<void>;
  /** The workflow is over. @throws NF_RUN_REPLAY if the log has calls that it did not make */
  settle(): Promise<void>;
}

export function createCoordinator(deps: CoordinatorDeps): Coordinator {
  return new RoundCoordinator(deps);
}

/** A round whose answers are there, and the rules that they must meet. */
interface Closing {
  readonly round: number;
  readonly rules: Pick<RoundRules, 'minClients' | 'mandatory'>;
}

/** Of a reduction whose workflow weighs the answers itself. */
const ANY = { minClients: 1 };

class RoundCoordinator implements Coordinator {
  readonly initial: Payload;
  readonly #deps: CoordinatorDeps;
  readonly #replay: Replay;
  readonly #asked: AskedTasks;
  readonly #log: RunLog;
  readonly #said = new Set<string>();
  #round: OpenRound | undefined;
  /** Of the last exchange, where they are not the job's. */
  #rules: RoundRules | undefined;

  constructor(deps: CoordinatorDeps) {
    const { initial } = deps.history;
    if (!initial) throw new Error('A run starts with its initial model.');
    this.#deps = deps;
    this.initial = { model: initial };
    this.#log = new RunLog(deps);
    this.#replay = new Replay(this.#log.earlier());
    this.#asked = new AskedTasks({ ...deps, log: this.#log, task: (site, task) => this.#task(site, task) });
    deps.channel.listen((answer) => this.#take(answer));
  }

  get history(): RunHistory {
    return this.#log.history;
  }

  note(event: RunEvent): Promise<void> {
    return this.#log.note(event);
  }

  settle(): Promise<void> {
    return this.#replay.end();
  }

  waiting(): Waiting | undefined {
    return this.#round?.waiting() ?? this.#asked.waiting();
  }

  verdictOn(site: string, round: number): Verdict {
    if (this.#round?.number === round) return this.#round.verdictOn(site);
    const single = this.#asked.verdictOn(site, round);
    if (single) return single;
    return hasAnswer(this.history, site, round) ? 'duplicate' : 'late';
  }

  async members(round: number): Promise<readonly string[]> {
    const known = await this.#replay.outcome({ verb: 'members', round, asked: 'sites' });
    if (known) return known.outcome;
    const { channel, rules, signal } = this.#deps;
    signal.throwIfAborted();
    this.#asked.giveAgain();
    const least = rules.clientsPerRound ?? rules.minClients;
    const present = await channel.ready({ ...rules, least, signal });
    const sites = selectMembers(present, rules, [rules.seed, rules.jobName, round]);
    this.#log.jot({ type: 'members.chosen', round, sites });
    return sites;
  }

  /** Opens a round, or takes up the one that was open when the run stopped, with the answers it had. */
  async exchange(
    task: TaskSpec,
    sites: readonly string[],
    rules: RoundRules = roundRules(this.#deps.rules, sites),
  ): Promise<readonly Answer[]> {
    const { round, name: kind, inputs } = task;
    const asked = exchangeText({ name: kind, sites, model: inputs.model });
    const known = await this.#replay.outcome({ verb: 'exchange', round, asked });
    if (known) return known.outcome;
    this.#deps.signal.throwIfAborted();
    this.#rules = rules;
    if (this.#round) throw new Error(`Round ${this.#round.number} is open yet.`);
    this.#asked.stop();
    if (this.history.open?.round !== round)
      await this.#log.conclude({ type: 'round.opened', sites, kind, round, model: inputs.model });
    await this.#dropOtherCounts(round);
    this.#round = new OpenRound({
      ...this.#deps,
      round,
      kind,
      members: sites,
      rules,
      accepted: () => this.history.accepted,
      task: (site) => this.#task(site, task),
      emit: (event) => this.#log.emit(event),
      objection: (answer) => engineObjection(this.history, answer),
    });
    try {
      const answers = await this.#sameCounts({ round, rules }, await this.#round.run());
      requireKeyMetric(answers, this.#deps.rules.keyMetric);
      this.#log.jot({ type: 'round.answered', round, sites: answers.map(({ site }) => site) });
      return answers;
    } finally {
      this.#round = undefined;
    }
  }

  async ask(task: TaskSpec, site: string): Promise<void> {
    const { round, name: kind, inputs } = task;
    const asked = askText({ kind, model: inputs.model });
    const known = await this.#replay.outcome({ verb: 'ask', round, site, asked });
    if (!known) await this.#asked.ask(task, site);
  }

  async next(): Promise<Arrival> {
    const known = await this.#replay.outcome({ verb: 'next', round: 0, asked: 'whatever comes' });
    if (known) return known.outcome;
    const { round, site, answer } = await this.#asked.next();
    return { round, site, answer };
  }

  async reduce(step: ReduceStep): Promise<Payload> {
    const { round, reducer, options } = step;
    const known = await this.#replay.outcome({ verb: 'reduce', round, asked: reduceText(step) });
    if (known) return known.outcome;
    const { files, rules, reduce: carryOut = reduceHere } = this.#deps;
    const base = pathsOf(step.base, files);
    const names = ['model', ...REDUCERS[reducer].state];
    let usable = step.answers;
    for (;;) {
      const { contributions, notes } = contributionsOf(step, usable, { ...rules, files });
      const how = { reducer, contributions, base, ...(options && { options }) };
      try {
        const { model, ...state } = await files.keep(round, names, (targets) =>
          carryOut({ ...how, targets: { model: '', ...targets } }),
        );
        if (!model) throw new Error('The reduction made no model.');
        const made = { ...state, model };
        faultPoint('model.kept');
        this.#log.jot({ type: 'model.made', round, reducer, made, ...(notes.length > 0 && { notes }) });
        return made;
      } catch (thrown) {
        usable = await this.#withoutCulprit(
          thrown,
          { round, rules: step.weights ? ANY : (this.#rules ?? rules) },
          usable,
        );
      }
    }
  }

  async publish(round: number, made?: Payload): Promise<void> {
    const known = await this.#replay.outcome({ verb: 'publish', round, asked: publishText(made) });
    if (known) return;
    const before = this.history;
    const { rules, files } = this.#deps;
    const reports = reportsNow(before);
    const metrics = poolReports(reports, rules);
    const { best, standIn } = contestAfter(before, metrics);
    const chosen = { ...(best && { best: best.model }), ...(standIn && { stand_in: standIn.model }) };
    const notes = [
      ...(before.made?.notes ?? []),
      ...boundedCounts(reports, rules.maxWeightRatio),
      ...leftOut(reports),
      ...missingKeyMetric(reports, rules.keyMetric),
    ];
    const said = this.#news(notes);
    const { model, ...state } = made ?? {};
    await this.#log.conclude({
      type: 'round.closed',
      round,
      kind: before.open?.kind ?? 'train',
      metrics,
      ...(model && { model }),
      ...(Object.keys(state).length > 0 && { state }),
      chosen,
      ...(said.length > 0 && { notes: said }),
    });
    // A longer run goes on from before the last scoring, with what there was then.
    if (made) await files.discard(spentFiles(before, this.history));
    // Where sites are at work yet, what they are sending is not to be cleared away.
    if (this.history.asked.length === 0) await files.closeRound(round, before.open?.sites ?? []);
  }

  /** An update that is finite alone may leave no number together with others. */
  async #withoutCulprit(
    thrown: unknown,
    round: Closing,
    results: readonly Answer[],
  ): Promise<readonly Answer[]> {
    const error = toNeuroflareError(thrown);
    const site = error.place?.site;
    if (error.code !== 'NF_AGGREGATE_NOT_FINITE' || site === undefined) throw thrown;
    return this.#without(site, { error, round, results });
  }

  /** Counts of something else than those of the others cannot be added to them. */
  async #sameCounts(round: Closing, results: readonly Answer[]): Promise<readonly Answer[]> {
    let rest = results;
    for (const { site, ...differ } of otherCounts(inSiteOrder(results), this.#deps.rules.alike ?? {}))
      rest = await this.#without(site, {
        error: flError('NF_TRAIN_METRICS_DIFFER', differ),
        round,
        results: rest,
      });
    return rest;
  }

  /** Of a run that goes on: what the log has of a site that counted something else is asked for again. */
  async #dropOtherCounts(round: number): Promise<void> {
    const { accepted } = this.history;
    for (const { site, actual } of otherCounts(inSiteOrder(accepted), this.#deps.rules.alike ?? {}))
      await this.note({ type: 'result.dropped', round, site, reason: `it counts ${actual}` });
  }

  /** An answer may show to be unusable beside those of others: its site has failed in this round, whose rule decides. */
  async #without(
    site: string,
    {
      error,
      round: closing,
      results,
    }: { error: NeuroflareError; round: Closing; results: readonly Answer[] },
  ): Promise<readonly Answer[]> {
    const { round, rules } = closing;
    const place = { site, round };
    await this.note({ type: 'site.failed', round, site, error: { ...error.report(), place } });
    const rest = results.filter((result) => result.site !== site);
    const { minClients, mandatory = [] } = rules;
    const isEnough = rest.length >= Math.max(1, minClients) && !mandatory.includes(site);
    if (!isEnough) throw atPlace(error, place);
    return rest;
  }

  #task(site: string, { name: kind, round, inputs }: TaskSpec): SiteTask {
    const { rules } = this.#deps;
    const state = this.history.states.get(site);
    return {
      site,
      kind,
      round,
      totalRounds: rules.numRounds,
      seed: deriveSeed(rules.seed, rules.jobName, site, round),
      model: inputs.model,
      ...(state && { state }),
    };
  }

  async #take(answer: SiteAnswer): Promise<Verdict> {
    if (this.#round?.number === answer.round) return this.#round.take(answer);
    const site = siteOf(answer);
    if (this.#asked.holds({ site, round: answer.round })) return this.#asked.take(answer);
    return this.verdictOn(site, answer.round);
  }

  /** What is so in every round is said once. */
  #news(notes: readonly string[]): string[] {
    const news = notes.filter((text) => !this.#said.has(text));
    for (const text of news) this.#said.add(text);
    return news;
  }
}

function reduceHere({ reducer, ...request }: ReduceRequest): Promise<Digests> {
  return reduce(REDUCERS[reducer], request);
}

function pathsOf({ model, ...state }: Payload, files: RunFiles): { model: string } & Record<string, string> {
  const paths = Object.entries(state).map(([name, file]) => [name, files.at(file)]);
  return { ...Object.fromEntries(paths), model: files.at(model) };
}
