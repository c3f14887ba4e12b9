import { HARMONISATION } from '../algorithms/harmonisation/tasks.ts';
import { keyText, partsOfTask, type TaskKey, taskId } from '../algorithms/task.ts';
import type { ErrorReport } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { compareSites } from '../base/site-order.ts';
import { type Contender, type Contest, contest, type Goal, winnerOf } from './best-model.ts';
import type { AcceptedResult, BestModel, EngineUse, FileRef, Files, Payload, RunEvent } from './events.ts';
import { partsOf } from './pool-reports.ts';

/** One closed round: `metrics` describe the model it was opened with, which is model `round - 1`. */
export interface ClosedRound {
  readonly round: number;
  readonly kind: 'train' | 'evaluate';
  readonly metrics: MetricReport;
  /** The answer of each site with figures of that model, in site order. */
  readonly results: readonly AcceptedResult[];
  /** Ids of the tasks whose answers counted. */
  readonly tasks: readonly string[];
}

type RoundOpened = RunEvent & { type: 'round.opened' };

/** Tasks that sites were given at once. */
export interface Exchange {
  readonly opened: RoundOpened;
  readonly accepted: readonly AcceptedResult[];
  /** Whether these are all that count, so that none is asked for any more. */
  readonly isAnswered: boolean;
}

/** A task that a site was asked for, for which no round waits. */
export interface AskedTask {
  /** Its id. */
  readonly task: string;
  /** What the site was given. */
  readonly inputs: Files;
}

/** What came of it: an answer, or a failure. */
export interface Arrival extends AskedTask {
  readonly answer?: AcceptedResult;
  readonly error?: ErrorReport;
}

/** What was made of answers. */
export interface Made {
  readonly payload: Payload;
  /** Whose it is, where a round makes several. */
  readonly about: string | undefined;
  readonly notes: readonly string[];
}

export interface SiteFailure {
  readonly round: number;
  readonly site: string;
  readonly error: ErrorReport;
}

/**
 * What a run's events add up to. Of closed rounds only the last is kept: the log has the others, and memory must not
 * grow with rounds.
 */
export interface RunHistory {
  readonly goal: Goal;
  readonly status: 'running' | 'interrupted' | 'failed' | 'finished';
  /** Events in the log so far. */
  readonly count: number;
  readonly initial: FileRef | undefined;
  /** The last model that is whole: of round 0 (the initial one) or of the last closed training round. */
  readonly position: { readonly round: number; readonly model: FileRef } | undefined;
  readonly closedRounds: number;
  readonly last: ClosedRound | undefined;
  /** Of the round at hand, in the order in which they were opened. */
  readonly exchanges: readonly Exchange[];
  /** Tasks for which no round waits, in the order in which they were asked for. */
  readonly asked: readonly AskedTask[];
  /** What came of them and the workflow has not taken yet, in order of arrival. */
  readonly arrived: readonly Arrival[];
  /** What it has taken since the last round closed. */
  readonly taken: readonly Arrival[];
  /** In the round at hand. */
  readonly made: readonly Made[];
  /** Files beside the last whole model, which its next step begins with. */
  readonly serverState: readonly FileRef[];
  /** Among them, what takes scanners out of the pictures. */
  readonly harmonisation: FileRef | undefined;
  /** The first ones, at most `MOST_FAILURES`. */
  readonly failures: readonly SiteFailure[];
  readonly failureCount: number;
  /** Rounds of training each site's result is in. */
  readonly rounds: ReadonlyMap<string, number>;
  readonly engines: ReadonlyMap<string, EngineUse>;
  /** What each site kept (`flare.saveState`) when the last round closed. */
  readonly states: ReadonlyMap<string, FileRef>;
  /** By the goal, among the models scored so far that can be compared. */
  readonly best: BestModel | undefined;
  /** With what the choice of the next one needs. */
  readonly contest: Contest;
  readonly final: { readonly model: FileRef; readonly best: BestModel | undefined } | undefined;
  readonly error: ErrorReport | undefined;
}

const MOST_FAILURES = 20;

export function newHistory(goal: Goal): RunHistory {
  return {
    goal,
    status: 'running',
    count: 0,
    initial: undefined,
    position: undefined,
    closedRounds: 0,
    last: undefined,
    exchanges: [],
    asked: [],
    arrived: [],
    taken: [],
    made: [],
    serverState: [],
    harmonisation: undefined,
    failures: [],
    failureCount: 0,
    rounds: new Map(),
    engines: new Map(),
    states: new Map(),
    best: undefined,
    contest: {},
    final: undefined,
    error: undefined,
  };
}

export function replay(events: Iterable<RunEvent>, goal: Goal): RunHistory {
  let history = newHistory(goal);
  for (const event of events) history = record(history, event);
  return history;
}

/** As `replay`, of a log that need not fit into memory. */
export async function replayEvents(events: AsyncIterable<RunEvent>, goal: Goal): Promise<RunHistory> {
  let history = newHistory(goal);
  for await (const event of events) history = record(history, event);
  return history;
}

/** The history with one more event; pure, so that the live run and a resumed one see the same. */
export function record(history: RunHistory, event: RunEvent): RunHistory {
  const next = recorded(history, event);
  return isShownOnly(event) ? next : { ...next, count: history.count + 1 };
}

/** Events that only show life are in no log. */
function isShownOnly({ type }: RunEvent): boolean {
  return type === 'task.started' || type === 'task.progress';
}

function recorded(history: RunHistory, event: RunEvent): RunHistory {
  switch (event.type) {
    case 'run.opened':
      return { ...history, status: 'running', error: undefined };
    case 'run.resumed':
      return history.final ? history : { ...history, status: 'running', error: undefined };
    case 'model.initial':
      return { ...history, initial: event.model, position: { round: 0, model: event.model } };
    case 'round.opened':
      return open(history, event);
    case 'round.answered':
      return changed(history, event, (exchange) => ({ ...exchange, isAnswered: true }));
    case 'model.made': {
      const { made: payload, about, notes = [] } = event;
      return { ...history, made: [...history.made, { payload, about, notes }] };
    }
    case 'task.asked':
      return { ...history, asked: [...history.asked, { task: event.task, inputs: event.inputs }] };
    case 'answer.taken':
      return take(history, event.task);
    case 'result.accepted':
      return isAsked(history, event.task)
        ? arrive(history, event.task, { answer: event.result })
        : accept(history, event.task, event.result);
    case 'result.dropped':
      return forget(history, event.task);
    case 'site.failed':
      return fail(
        isAsked(history, event.task) ? arrive(history, event.task, { error: event.error }) : history,
        event,
      );
    case 'engine.used':
      return { ...history, engines: new Map(history.engines).set(event.site, event.engine) };
    case 'round.closed':
      return close(history, event);
    case 'run.interrupted':
      return { ...history, status: 'interrupted' };
    case 'run.failed':
      return { ...history, status: 'failed', error: event.error };
    case 'run.finished':
      return { ...history, status: 'finished', final: { model: event.model, best: event.best } };
    case 'members.chosen':
    case 'task.started':
    case 'task.progress':
      return history;
  }
}

/** The exchange of the round at hand that a task is one of. */
export function exchangeOf({ exchanges }: RunHistory, key: TaskKey): Exchange | undefined {
  return exchanges.find(({ opened }) => keyText(opened) === keyText(key));
}

/** The one whose answers are waited for, or were waited for last. */
export function lastExchange({ exchanges }: RunHistory): Exchange | undefined {
  return exchanges.find(({ isAnswered }) => !isAnswered) ?? exchanges.at(-1);
}

/** A run that goes on takes up the one that was open. Tasks for which no round waits are taken back. */
function open(history: RunHistory, event: RoundOpened): RunHistory {
  if (exchangeOf(history, event)) return history;
  const exchanges = [...history.exchanges, { opened: event, accepted: [], isAnswered: false }];
  return { ...history, exchanges, asked: [], arrived: [] };
}

function changed(history: RunHistory, key: TaskKey, change: (exchange: Exchange) => Exchange): RunHistory {
  const found = exchangeOf(history, key);
  if (!found) return history;
  const exchanges = history.exchanges.map((one) => (one === found ? change(one) : one));
  return { ...history, exchanges };
}

function accept(history: RunHistory, task: string, result: AcceptedResult): RunHistory {
  return changed(history, partsOfTask(task), (exchange) => ({
    ...exchange,
    accepted: [...exchange.accepted, result],
  }));
}

function forget(history: RunHistory, task: string): RunHistory {
  const { site, ...key } = partsOfTask(task);
  return changed(history, key, (exchange) => ({
    ...exchange,
    accepted: exchange.accepted.filter((result) => result.site !== site),
  }));
}

/** Whether a site is at a task for which no round waits. */
export function isAsked({ asked }: RunHistory, id: string): boolean {
  return asked.some(({ task }) => task === id);
}

function arrive(history: RunHistory, id: string, what: Pick<Arrival, 'answer' | 'error'>): RunHistory {
  const found = history.asked.find(({ task }) => task === id);
  if (!found) return history;
  const asked = history.asked.filter((one) => one !== found);
  return { ...history, asked, arrived: [...history.arrived, { ...found, ...what }] };
}

function take(history: RunHistory, id: string): RunHistory {
  const found = history.arrived.find(({ task }) => task === id);
  if (!found) return history;
  const arrived = history.arrived.filter((one) => one !== found);
  return { ...history, arrived, taken: [...history.taken, found] };
}

/** Answers of the round at hand: those to its exchanges, and those that the workflow has taken one by one. */
function answersOf({ exchanges, taken }: RunHistory): AcceptedResult[] {
  return [...exchanges.flatMap(({ accepted }) => accepted), ...taken.flatMap(({ answer }) => answer ?? [])];
}

/**
 * Those of them whose figures are of the model that the round is about, one of each site: what a site said last. Tasks about something
 * else, and answers without figures beside one that has some, are left out.
 */
export function reportsNow({ exchanges, taken, position }: RunHistory): AcceptedResult[] {
  const now = taken.filter(({ inputs }) => inputs.model?.sha256 === position?.model.sha256);
  const ofModel = exchanges.filter(({ opened }) => opened.about === undefined);
  const all = [...ofModel.flatMap(({ accepted }) => accepted), ...now.flatMap(({ answer }) => answer ?? [])];
  return onePerSite(all);
}

function onePerSite(answers: readonly AcceptedResult[]): AcceptedResult[] {
  const bySite = new Map<string, AcceptedResult>();
  for (const answer of answers)
    if (!bySite.has(answer.site) || Object.keys(answer.metrics).length > 0) bySite.set(answer.site, answer);
  return inSiteOrder([...bySite.values()]);
}

function tasksOf({ exchanges, taken }: RunHistory): string[] {
  const ofExchanges = exchanges.flatMap(({ opened, accepted }) =>
    inSiteOrder(accepted).map(({ site }) => taskId({ ...opened, site })),
  );
  return [...ofExchanges, ...taken.flatMap(({ task, answer }) => (answer ? [task] : []))];
}

function fail(history: RunHistory, { task, error }: RunEvent & { type: 'site.failed' }): RunHistory {
  const { round, site } = partsOfTask(task);
  const failures =
    history.failures.length < MOST_FAILURES
      ? [...history.failures, { round, site, error }]
      : history.failures;
  // An answer may show to be unusable only beside those of others.
  return { ...forget(history, task), failures, failureCount: history.failureCount + 1 };
}

function close(history: RunHistory, event: RunEvent & { type: 'round.closed' }): RunHistory {
  const { round, kind, metrics, model } = event;
  const now = event.chosen ? chosenBy(history, event.chosen) : chosenOf(history, metrics);
  const states = new Map(history.states);
  const rounds = new Map(history.rounds);
  const answers = answersOf(history);
  if (model)
    for (const site of new Set(answers.flatMap(({ site: by, files }) => (files.model ? [by] : []))))
      rounds.set(site, (rounds.get(site) ?? 0) + 1);
  for (const { site, state } of answers) if (state) states.set(site, state);
  const { taken } = history;
  const reports = reportsNow({ ...history, taken: [] });
  const results = onePerSite([...reports, ...taken.flatMap(({ answer }) => answer ?? [])]);
  return {
    ...history,
    exchanges: [],
    taken: [],
    made: [],
    serverState: model ? Object.values(event.state ?? {}) : history.serverState,
    harmonisation: (model && event.state?.[HARMONISATION]) ?? history.harmonisation,
    closedRounds: history.closedRounds + 1,
    last: { round, kind, metrics, results, tasks: tasksOf(history) },
    position: model ? { round, model } : history.position,
    states,
    rounds,
    contest: now,
    best: now.best?.model,
  };
}

/** The contest with the model that a round has scored, whose figures over all are `metrics`. */
export function contestAfter(history: RunHistory, metrics: MetricReport): Contest {
  const scored = scoredModel(history, metrics);
  return scored ? contest(history.contest, scored, history.goal) : history.contest;
}

/** Files of the models that may become the best of the run. */
export function contendingModels({ contest: { best, standIn } }: RunHistory): FileRef[] {
  return [best, standIn].flatMap((one) => (one ? [one.model.model] : []));
}

/** The model a run ends with as its best. */
export function bestOf({ contest: last }: RunHistory): BestModel | undefined {
  return winnerOf(last);
}

/** The log says what was chosen when the round closed: its files are there, whatever the rule is today. */
function chosenBy(
  history: RunHistory,
  chosen: NonNullable<(RunEvent & { type: 'round.closed' })['chosen']>,
): Contest {
  const contender = (model: BestModel | undefined, before: Contender | undefined) =>
    model && { model, reports: before?.model.round === model.round ? before.reports : reportsOf(history) };
  const { best, standIn } = history.contest;
  return { best: contender(chosen.best, best), standIn: contender(chosen.stand_in, standIn ?? best) };
}

/** Version 0.1.0 compared pooled figures as they were, and kept no others' files. */
function chosenOf(history: RunHistory, metrics: MetricReport): Contest {
  const scored = scoredModel(history, metrics);
  const { best } = history.contest;
  if (!scored) return { best };
  const [value, than] = [scored.model.value, best?.model.value];
  const isMore = history.goal.keyMetricGoal === 'maximize';
  return { best: than === undefined || (isMore ? value > than : value < than) ? scored : best };
}

/** The figures of a round are those of the model it was opened with. */
function scoredModel(history: RunHistory, metrics: MetricReport): Contender | undefined {
  const { goal, exchanges, position } = history;
  const value = metrics[goal.keyMetric];
  const scored = exchanges.find(({ opened }) => opened.about === undefined);
  const model = scored?.opened.inputs.model ?? position?.model;
  if (typeof value !== 'number' || !model || !position) return undefined;
  return {
    model: { round: position.round, metric: goal.keyMetric, value, model },
    reports: reportsOf(history),
  };
}

function reportsOf(history: RunHistory): Contender['reports'] {
  return partsOf(reportsNow(history), history.goal.keyMetric);
}

/** Whether the answer to a task counts: of the round at hand, and of the one before. */
export function hasAnswer(history: RunHistory, task: string): boolean {
  return tasksOf(history).includes(task) || (history.last?.tasks.includes(task) ?? false);
}

export function inSiteOrder<Item extends { readonly site: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => compareSites(a.site, b.site));
}
