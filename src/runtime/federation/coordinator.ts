import { partsOfTask, type TaskKey, taskId } from '../algorithms/task.ts';
import type {
  Answer,
  Arrival,
  Federation,
  KeepStep,
  KeyFigure,
  PublishedBeside,
  ReduceStep,
  RoundRules,
  TaskSpec,
} from '../algorithms/workflow.ts';
import { canonicalJson, sha256 } from '../base/digest.ts';
import { atPlace, flError, type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { faultPoint } from '../base/errors/fault-point.ts';
import { writeFileHashed } from '../base/files/files.ts';
import { compareSites } from '../base/site-order.ts';
import { firstOf } from '../base/text/first-of.ts';
import type { Payload, RunEvent, RunObserver } from '../run/events.ts';
import { exchangeOf, hasAnswer, inSiteOrder, type RunHistory } from '../run/history.ts';
import type { Journal } from '../run/journal.ts';
import { keyFigure, requireKeyMetric } from '../run/key-metric.ts';
import { otherCounts } from '../run/pool-reports.ts';
import type { RunFiles } from '../run/run-files.ts';
import { RunLog } from '../run/run-log.ts';
import { AskedTasks, type AskedTasksDeps } from './asked-tasks.ts';
import type { Channel, SiteAnswer, Verdict } from './channel.ts';
import { type CheckedTask, type Closing, isScored, UNUSABLE } from './checked-task.ts';
import { clearRound, closedRound } from './close-round.ts';
import { type CoordinatorRules, roundRules } from './coordinator-rules.ts';
import { engineObjection } from './engine-objection.ts';
import { OpenRound, type Waiting } from './open-round.ts';
import { carryOut } from './reduce/carry-out.ts';
import { type Digests, filesMade } from './reduce/reduce.ts';
import type { ReduceRequest } from './reduce/request.ts';
import { askText, exchangeText, publishText, Replay, reductionText } from './replay.ts';
import { selectMembers } from './select-members.ts';
import { inputsOf, siteTask } from './tasks.ts';
import { type MaskedUpdates, weighStep } from './weigh-results.ts';

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
  /** What an answer to the task of this id counts for, if it came now. */
  verdictOn(task: string): Verdict;
  /** Journals an event and shows it. */
  note(event: RunEvent): Promise<void>;
  /** As of a federation; answers at which a fault is found count as failures of their sites. */
  exchange(task: CheckedTask, sites: readonly string[], rules?: RoundRules): Promise<readonly Answer[]>;
  /** As of a federation, of updates that are as they came, or have masks on them. */
  reduce<Options extends object>(
    step: ReduceStep<Options>,
    masked?: () => Promise<MaskedUpdates>,
  ): Promise<Payload>;
  /** The workflow is over. @throws NF_RUN_REPLAY if the log has calls that it did not make */
  settle(): Promise<void>;
}

export function createCoordinator(deps: CoordinatorDeps): Coordinator {
  return new RoundCoordinator(deps);
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
  /** Sites that take part in a round of this run, as the workflow was told. */
  readonly #members = new Set<string>();
  /** The exchanges whose answers are waited for. */
  readonly #open = new Set<OpenRound>();
  /** Of the last exchange, where they are not the job's. */
  #rules: RoundRules | undefined;

  constructor(deps: CoordinatorDeps) {
    const { initial } = deps.history;
    if (!initial) throw new Error('A run starts with its initial model.');
    this.#deps = deps;
    this.initial = { model: initial };
    this.#log = new RunLog(deps);
    this.#replay = new Replay(this.#log.earlier());
    const task: AskedTasksDeps['task'] = (id, inputs) =>
      siteTask(id, inputs, { ...deps, history: this.history });
    this.#asked = new AskedTasks({ ...deps, log: this.#log, task });
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
    const [first] = this.#open;
    return first?.waiting() ?? this.#asked.waiting();
  }

  verdictOn(task: string): Verdict {
    const open = this.#exchangeOf(task);
    if (open) return open.verdictOn(partsOfTask(task).site);
    const single = this.#asked.verdictOn(task);
    if (single) return single;
    return hasAnswer(this.history, task) ? 'duplicate' : 'late';
  }

  async members(round: number): Promise<readonly string[]> {
    const sites = await this.#drawMembers(round);
    for (const site of sites) this.#members.add(site);
    return sites;
  }

  async #drawMembers(round: number): Promise<readonly string[]> {
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
    task: CheckedTask,
    sites: readonly string[],
    rules: RoundRules = roundRules(this.#deps.rules, sites, task.name),
  ): Promise<readonly Answer[]> {
    const { inputs: _, faults, ...key } = task;
    this.#requireSites(task, sites);
    const inputs = inputsOf(task, sites, this.#deps.rules);
    const asked = exchangeText({ sites, common: inputs.common, own: inputs.own });
    const known = await this.#replay.outcome({ verb: 'exchange', ...key, asked });
    if (known) return known.outcome;
    this.#deps.signal.throwIfAborted();
    this.#rules = rules;
    this.#asked.stop();
    if (!exchangeOf(this.history, key)) {
      const { common, own } = inputs;
      await this.#log.conclude({ type: 'round.opened', ...key, sites, inputs: common, ...(own && { own }) });
    }
    await this.#dropOtherCounts(key);
    const open = new OpenRound({
      ...this.#deps,
      key,
      members: sites,
      rules,
      accepted: () => exchangeOf(this.history, key)?.accepted ?? [],
      task: (site) =>
        siteTask(taskId({ ...key, site }), inputs.of(site), { ...this.#deps, history: this.history }),
      emit: (event) => this.#log.emit(event),
      objection: (answer) => engineObjection(this.history, answer),
    });
    this.#open.add(open);
    try {
      const alike = await this.#sameCounts({ key, rules }, await open.run());
      const answers = await this.#withoutFaults({ key, rules }, alike, faults);
      const { keyMetric, mayLackKeyMetric = false } = this.#deps.rules;
      if (isScored(key) && !mayLackKeyMetric) requireKeyMetric(answers, keyMetric);
      this.#log.jot({ type: 'round.answered', ...key, sites: answers.map(({ site }) => site) });
      return answers;
    } finally {
      this.#open.delete(open);
    }
  }

  async ask(task: TaskSpec, site: string): Promise<void> {
    const { inputs: _, ...key } = task;
    this.#requireSites(task, [site]);
    const inputs = inputsOf(task, [site], this.#deps.rules).of(site);
    const known = await this.#replay.outcome({ verb: 'ask', ...key, site, asked: askText(inputs) });
    if (!known) await this.#asked.ask(taskId({ ...key, site }), inputs);
  }

  async next(): Promise<Arrival> {
    const known = await this.#replay.outcome({ verb: 'next', round: 0, asked: 'whatever comes' });
    if (known) return known.outcome;
    const { task, answer } = await this.#asked.next();
    const { round, site } = partsOfTask(task);
    return { task, round, site, answer };
  }

  async reduce<Options extends object>(
    step: ReduceStep<Options>,
    unmask?: () => Promise<MaskedUpdates>,
  ): Promise<Payload> {
    const { round, about, reducer, options, fromZero, aggregation } = step;
    const named = reductionText(step);
    const of = { round, ...(about !== undefined && { about }) };
    const known = await this.#replay.outcome({ verb: 'reduce', ...of, asked: named });
    if (known) return known.outcome;
    const { files, rules, reduce: reduction = carryOut } = this.#deps;
    const base = pathsOf(step.base, files);
    const names = filesMade(reducer);
    const masked = await unmask?.();
    let usable = step.answers;
    for (;;) {
      const { notes, ...weighed } = weighStep(step, { usable, masked }, { ...rules, files });
      const how = {
        ...weighed,
        reducer: reducer.name,
        base,
        ...(options && { options }),
        ...(fromZero && { fromZero }),
        ...(aggregation && { aggregation: { ...aggregation, aggregator: aggregation.aggregator.name } }),
      };
      try {
        const { model, ...state } = await files.keep(of, names, (targets) =>
          reduction({ ...how, targets: { model: '', ...targets } }),
        );
        if (!model) throw new Error('The reduction made no model.');
        const made = { ...state, model };
        faultPoint('model.kept');
        this.#log.jot({
          type: 'model.made',
          ...of,
          reducer: named,
          made,
          ...(notes.length > 0 && { notes }),
        });
        return made;
      } catch (thrown) {
        // What is in a sum with masks on it cannot be taken out any more.
        if (masked) throw thrown;
        usable = await this.#withoutCulprit(
          thrown,
          { key: this.#keyOf(step), rules: step.weights ? ANY : (this.#rules ?? rules) },
          usable,
        );
      }
    }
  }

  async keep({ round, name, value, base, notes = [] }: KeepStep): Promise<Payload> {
    const bytes = new TextEncoder().encode(`${canonicalJson(value)}\n`);
    const asked = `${name} ${sha256(bytes).slice(0, 12)}`;
    const known = await this.#replay.outcome({ verb: 'reduce', round, about: name, asked });
    if (known) return { ...base, ...known.outcome };
    const write = async (targets: Readonly<Record<string, string>>) => ({
      [name]: await writeFileHashed(targets[name] ?? '', bytes),
    });
    const kept = await this.#deps.files.keep({ round, ending: 'json' }, [name], write);
    faultPoint('model.kept');
    const made = { ...kept, model: base.model };
    this.#log.jot({
      type: 'model.made',
      round,
      about: name,
      reducer: asked,
      made,
      ...(notes.length > 0 && { notes }),
    });
    return { ...base, ...made };
  }

  async publish(round: number, made?: Payload, beside: PublishedBeside = {}): Promise<KeyFigure> {
    const known = await this.#replay.outcome({ verb: 'publish', round, asked: publishText(made) });
    const { rules, files } = this.#deps;
    if (known) return keyFigure(known.outcome, rules);
    const before = this.history;
    const closing = { round, made, kept: beside.kept, notes: beside.notes ?? [] };
    const news = (notes: readonly string[]) => this.#news(notes);
    const closed = closedRound(before, closing, { rules, news });
    await this.#log.conclude(closed);
    await clearRound(files, closing, { before, after: this.history });
    return keyFigure(closed.metrics, rules);
  }

  /** An update that is finite alone may leave no number together with others. */
  async #withoutCulprit(
    thrown: unknown,
    round: Closing,
    results: readonly Answer[],
  ): Promise<readonly Answer[]> {
    const error = toNeuroflareError(thrown);
    const site = error.place?.site;
    if (!UNUSABLE.has(error.code) || site === undefined) throw thrown;
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

  async #withoutFaults(
    round: Closing,
    answers: readonly Answer[],
    faults: CheckedTask['faults'] = async () => [],
  ): Promise<readonly Answer[]> {
    let rest = answers;
    for (const { site, error } of await faults(answers))
      rest = await this.#without(site, { error, round, results: rest });
    return rest;
  }

  /** Of a run that goes on: what the log has of a site that counted something else is asked for again. */
  async #dropOtherCounts(key: TaskKey): Promise<void> {
    const accepted = exchangeOf(this.history, key)?.accepted ?? [];
    for (const { site, actual } of otherCounts(inSiteOrder(accepted), this.#deps.rules.alike ?? {}))
      await this.note({
        type: 'result.dropped',
        task: taskId({ ...key, site }),
        reason: `it counts ${actual}`,
      });
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
    const { key, rules } = closing;
    const place = { site, round: key.round };
    const task = taskId({ ...key, site });
    await this.note({ type: 'site.failed', task, error: { ...error.report(), place } });
    const rest = results.filter((result) => result.site !== site);
    const { minClients, mandatory = [], mayFail } = rules;
    const isEnough = rest.length >= Math.max(1, minClients) && !mandatory.includes(site);
    if (!isEnough && !mayFail) throw atPlace(error, place);
    return rest;
  }

  async #take(answer: SiteAnswer): Promise<Verdict> {
    const { task } = answer;
    const open = this.#exchangeOf(task);
    if (open) return open.take(answer);
    return this.#asked.holds(task) ? this.#asked.take(answer) : this.verdictOn(task);
  }

  #exchangeOf(task: string): OpenRound | undefined {
    return [...this.#open].find((open) => open.holds(task));
  }

  /** What the answers of a reduction were asked for by. */
  #keyOf({ round }: ReduceStep): TaskKey {
    const { exchanges } = this.history;
    return exchanges.findLast(({ opened }) => opened.round === round)?.opened ?? { name: 'train', round };
  }

  /** @throws NF_WORKFLOW_SITE of a site that no call of `members` has named */
  #requireSites({ name, round }: TaskKey, sites: readonly string[]): void {
    const stranger = sites.find((site) => !this.#members.has(site));
    if (stranger === undefined) return;
    const known = [...this.#members].sort(compareSites);
    throw flError('NF_WORKFLOW_SITE', { site: stranger, name, round, sites: firstOf(known) });
  }

  /** What is so in every round is said once. */
  #news(notes: readonly string[]): string[] {
    const news = notes.filter((text) => !this.#said.has(text));
    for (const text of news) this.#said.add(text);
    return news;
  }
}

function pathsOf({ model, ...state }: Payload, files: RunFiles): { model: string } & Record<string, string> {
  const paths = Object.entries(state).map(([name, file]) => [name, files.at(file)]);
  return { ...Object.fromEntries(paths), model: files.at(model) };
}
