import type { ErrorReport } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { compareSites } from '../base/site-order.ts';
import { type Contender, type Contest, contest, type Goal, winnerOf } from './best-model.ts';
import type { AcceptedResult, BestModel, EngineUse, FileRef, Payload, RunEvent, TaskKind } from './events.ts';
import { partsOf } from './pool-reports.ts';

/** One closed round: `metrics` describe the model it was opened with, which is model `round - 1`. */
export interface ClosedRound {
  readonly round: number;
  readonly kind: TaskKind;
  readonly metrics: MetricReport;
  /** In site order. */
  readonly results: readonly AcceptedResult[];
}

/** A task that a site was asked for, for which no round waits. */
export interface AskedTask {
  readonly round: number;
  readonly site: string;
  readonly kind: TaskKind;
  /** What the site was given. */
  readonly model: FileRef;
}

/** What came of it: an answer, or a failure. */
export interface Arrival extends AskedTask {
  readonly answer?: AcceptedResult;
  readonly error?: ErrorReport;
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
  /** The round that is open, with who takes part in it. */
  readonly open: (RunEvent & { type: 'round.opened' }) | undefined;
  /** Answers to it. */
  readonly accepted: readonly AcceptedResult[];
  /** Tasks for which no round waits, in the order in which they were asked for. */
  readonly asked: readonly AskedTask[];
  /** What came of them and the workflow has not taken yet, in order of arrival. */
  readonly arrived: readonly Arrival[];
  /** What it has taken since the last round closed. */
  readonly taken: readonly Arrival[];
  /** Whether these are all that count, so that none is asked for any more. */
  readonly isAnswered: boolean;
  /** What was made of them. */
  readonly made: { readonly payload: Payload; readonly notes: readonly string[] } | undefined;
  /** Files beside the last whole model, which its next step begins with. */
  readonly serverState: readonly FileRef[];
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
    open: undefined,
    accepted: [],
    asked: [],
    arrived: [],
    taken: [],
    isAnswered: false,
    made: undefined,
    serverState: [],
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
      if (event.round === history.open?.round) return history;
      return { ...history, open: event, accepted: [], isAnswered: false, asked: [], arrived: [] };
    case 'round.answered':
      return { ...history, isAnswered: true };
    case 'model.made':
      return { ...history, made: { payload: event.made, notes: event.notes ?? [] } };
    case 'task.asked': {
      const { type: _, ...task } = event;
      return { ...history, asked: [...history.asked, task] };
    }
    case 'answer.taken':
      return take(history, event);
    case 'result.accepted':
      if (isAsked(history, { site: event.result.site, round: event.round }))
        return arrive(history, { ...event, site: event.result.site, answer: event.result });
      return { ...history, accepted: [...history.accepted, event.result] };
    case 'result.dropped':
      return { ...history, accepted: without(history.accepted, event.site) };
    case 'site.failed':
      return fail(isAsked(history, event) ? arrive(history, event) : history, event);
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

/** Whether a site is at a task for which no round waits. */
export function isAsked({ asked }: RunHistory, { site, round }: { site: string; round: number }): boolean {
  return asked.some((task) => task.site === site && task.round === round);
}

function arrive(
  history: RunHistory,
  { site, round, answer, error }: { site: string; round: number } & Pick<Arrival, 'answer' | 'error'>,
): RunHistory {
  const task = history.asked.find((one) => one.site === site && one.round === round);
  if (!task) return history;
  const arrival = { ...task, ...(answer && { answer }), ...(error && { error }) };
  const asked = history.asked.filter((one) => one !== task);
  return { ...history, asked, arrived: [...history.arrived, arrival] };
}

function take(history: RunHistory, { site, round }: { site: string; round: number }): RunHistory {
  const found = history.arrived.find((one) => one.site === site && one.round === round);
  if (!found) return history;
  const arrived = history.arrived.filter((one) => one !== found);
  return { ...history, arrived, taken: [...history.taken, found] };
}

/** Answers that a round is made of: those to its exchange, and those that the workflow has taken one by one. */
export function answersOf({ accepted, taken }: RunHistory): AcceptedResult[] {
  return inSiteOrder([...accepted, ...taken.flatMap(({ answer }) => answer ?? [])]);
}

/** Those of them whose figures are of the model that the round is about. */
export function reportsNow(history: RunHistory): AcceptedResult[] {
  const { accepted, taken, position } = history;
  const now = taken.filter(({ model }) => model.sha256 === position?.model.sha256);
  return inSiteOrder([...accepted, ...now.flatMap(({ answer }) => answer ?? [])]);
}

function fail(history: RunHistory, { round, site, error }: SiteFailure): RunHistory {
  const failures =
    history.failures.length < MOST_FAILURES
      ? [...history.failures, { round, site, error }]
      : history.failures;
  // An answer may show to be unusable only beside those of others.
  const accepted = history.open?.round === round ? without(history.accepted, site) : history.accepted;
  return { ...history, accepted, failures, failureCount: history.failureCount + 1 };
}

function close(history: RunHistory, event: RunEvent & { type: 'round.closed' }): RunHistory {
  const { round, kind, metrics, model } = event;
  const now = event.chosen ? chosenBy(history, event.chosen) : chosenOf(history, metrics);
  const states = new Map(history.states);
  const rounds = new Map(history.rounds);
  const answers = answersOf(history);
  if (model) for (const { site } of answers) rounds.set(site, (rounds.get(site) ?? 0) + 1);
  for (const { site, state } of answers) if (state) states.set(site, state);
  return {
    ...history,
    open: undefined,
    accepted: [],
    taken: [],
    isAnswered: false,
    made: undefined,
    serverState: model ? Object.values(event.state ?? {}) : history.serverState,
    closedRounds: history.closedRounds + 1,
    last: { round, kind, metrics, results: answers },
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
  const { goal, open, position } = history;
  const value = metrics[goal.keyMetric];
  const model = open?.model ?? position?.model;
  if (typeof value !== 'number' || !model || !position) return undefined;
  return {
    model: { round: position.round, metric: goal.keyMetric, value, model },
    reports: reportsOf(history),
  };
}

function reportsOf(history: RunHistory): Contender['reports'] {
  return partsOf(reportsNow(history), history.goal.keyMetric);
}

function without(results: readonly AcceptedResult[], site: string): AcceptedResult[] {
  return results.filter((result) => result.site !== site);
}

/** Whether a site's result of a round counts: of the round at hand, and of the one before. */
export function hasAnswer({ open, accepted, last }: RunHistory, site: string, round: number): boolean {
  const results = open?.round === round ? accepted : last?.round === round ? last.results : [];
  return results.some((result) => result.site === site);
}

export function inSiteOrder<Item extends { readonly site: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => compareSites(a.site, b.site));
}
