import type { ErrorReport } from '../kernel/errors.ts';
import { compareSites } from '../kernel/site-order.ts';
import type { MetricReport } from '../telemetry/metrics.ts';
import type {
  AcceptedResult,
  BestModel,
  EngineUse,
  FileRef,
  RunEvent,
  TaskKind,
} from '../telemetry/run-events.ts';

/** What chooses the best model. */
export interface Goal {
  readonly keyMetric: string;
  readonly keyMetricGoal: 'maximize' | 'minimize';
}

/** One closed round: `metrics` describe the model it was opened with, which is model `round - 1`. */
export interface ClosedRound {
  readonly round: number;
  readonly kind: TaskKind;
  readonly metrics: MetricReport;
  /** In site order. */
  readonly results: readonly AcceptedResult[];
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
  readonly initial: FileRef | undefined;
  /** The last model that is whole: of round 0 (the initial one) or of the last closed training round. */
  readonly position: { readonly round: number; readonly model: FileRef } | undefined;
  readonly closedRounds: number;
  readonly last: ClosedRound | undefined;
  /** The round that is open, with who takes part in it. */
  readonly open: (RunEvent & { type: 'round.opened' }) | undefined;
  /** Answers to it. */
  readonly accepted: readonly AcceptedResult[];
  /** The first ones, at most `MOST_FAILURES`. */
  readonly failures: readonly SiteFailure[];
  readonly failureCount: number;
  readonly engines: ReadonlyMap<string, EngineUse>;
  /** What each site kept (`flare.saveState`) when the last round closed. */
  readonly states: ReadonlyMap<string, FileRef>;
  /** By the goal, among the models scored so far; the first of equals. */
  readonly best: BestModel | undefined;
  readonly final: { readonly model: FileRef; readonly best: BestModel | undefined } | undefined;
  readonly error: ErrorReport | undefined;
}

const MOST_FAILURES = 20;

export function newHistory(goal: Goal): RunHistory {
  return {
    goal,
    status: 'running',
    initial: undefined,
    position: undefined,
    closedRounds: 0,
    last: undefined,
    open: undefined,
    accepted: [],
    failures: [],
    failureCount: 0,
    engines: new Map(),
    states: new Map(),
    best: undefined,
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
  switch (event.type) {
    case 'run.opened':
      return { ...history, status: 'running', error: undefined };
    case 'model.initial':
      return { ...history, initial: event.model, position: { round: 0, model: event.model } };
    case 'round.opened':
      return event.round === history.open?.round ? history : { ...history, open: event, accepted: [] };
    case 'result.accepted':
      return { ...history, accepted: [...history.accepted, event.result] };
    case 'result.dropped':
      return { ...history, accepted: history.accepted.filter(({ site }) => site !== event.site) };
    case 'site.failed':
      return fail(history, event);
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
    case 'task.started':
    case 'task.progress':
      return history;
  }
}

function fail(history: RunHistory, { round, site, error }: SiteFailure): RunHistory {
  const failures =
    history.failures.length < MOST_FAILURES
      ? [...history.failures, { round, site, error }]
      : history.failures;
  return { ...history, failures, failureCount: history.failureCount + 1 };
}

function close(history: RunHistory, event: RunEvent & { type: 'round.closed' }): RunHistory {
  const { round, kind, metrics, model } = event;
  const states = new Map(history.states);
  for (const { site, state } of history.accepted) if (state) states.set(site, state);
  return {
    ...history,
    open: undefined,
    accepted: [],
    closedRounds: history.closedRounds + 1,
    last: { round, kind, metrics, results: inSiteOrder(history.accepted) },
    position: model ? { round, model } : history.position,
    states,
    best: better(history, metrics),
  };
}

/** The figures of a round are those of the model it was opened with. */
function better({ best, goal, open, position }: RunHistory, metrics: MetricReport): BestModel | undefined {
  const value = metrics[goal.keyMetric];
  const model = open?.model ?? position?.model;
  if (typeof value !== 'number' || !model || !position) return best;
  const isBetter = !best || (goal.keyMetricGoal === 'maximize' ? value > best.value : value < best.value);
  return isBetter ? { round: position.round, metric: goal.keyMetric, value, model } : best;
}

/** Whether a site's result of a round counts: of the round at hand, and of the one before. */
export function hasAnswer({ open, accepted, last }: RunHistory, site: string, round: number): boolean {
  const results = open?.round === round ? accepted : last?.round === round ? last.results : [];
  return results.some((result) => result.site === site);
}

export function inSiteOrder<Item extends { readonly site: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => compareSites(a.site, b.site));
}
