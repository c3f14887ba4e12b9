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

/** One closed round: `metrics` describe the model it was opened with, which is model `round - 1`. */
export interface ClosedRound {
  readonly round: number;
  readonly kind: TaskKind;
  readonly metrics: MetricReport;
  /** In site order; of their metrics only the numbers, the log has the rest. */
  readonly results: readonly AcceptedResult[];
}

/** What a run's events add up to. */
export interface RunHistory {
  readonly status: 'running' | 'interrupted' | 'failed' | 'finished';
  readonly initial: FileRef | undefined;
  /** The last model that is whole: of round 0 (the initial one) or of the last closed training round. */
  readonly position: { readonly round: number; readonly model: FileRef } | undefined;
  readonly closed: readonly ClosedRound[];
  /** Models of closed training rounds, by round. */
  readonly models: ReadonlyMap<number, FileRef>;
  /** Answers to the round that was open when the events end. */
  readonly accepted: readonly AcceptedResult[];
  readonly openRound: number | undefined;
  readonly failures: readonly {
    readonly round: number;
    readonly site: string;
    readonly error: ErrorReport;
  }[];
  readonly engines: ReadonlyMap<string, EngineUse>;
  /** Latest state each site keeps (`flare.saveState`), by closed or accepted tasks. */
  readonly states: ReadonlyMap<string, FileRef>;
  readonly final: { readonly model: FileRef; readonly best: BestModel | undefined } | undefined;
  readonly error: ErrorReport | undefined;
}

const NOTHING: RunHistory = {
  status: 'running',
  initial: undefined,
  position: undefined,
  closed: [],
  models: new Map(),
  accepted: [],
  openRound: undefined,
  failures: [],
  engines: new Map(),
  states: new Map(),
  final: undefined,
  error: undefined,
};

export function replay(events: Iterable<RunEvent>): RunHistory {
  let history = NOTHING;
  for (const event of events) history = record(history, event);
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
      return event.round === history.openRound
        ? history
        : { ...history, openRound: event.round, accepted: [] };
    case 'result.accepted':
      return accept(history, event.result);
    case 'site.failed':
      return {
        ...history,
        failures: [...history.failures, { round: event.round, site: event.site, error: event.error }],
      };
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

/** The best model by a metric so far; the first of equals. Undefined until a closed round defines the metric. */
export function bestModel(
  history: RunHistory,
  { metric, goal }: { metric: string; goal: 'maximize' | 'minimize' },
): BestModel | undefined {
  let best: BestModel | undefined;
  for (const { round, metrics } of history.closed) {
    const value = metrics[metric];
    const model = round === 1 ? history.initial : history.models.get(round - 1);
    if (typeof value !== 'number' || !model) continue;
    const better = !best || (goal === 'maximize' ? value > best.value : value < best.value);
    if (better) best = { round: round - 1, metric, value, model };
  }
  return best;
}

function accept(history: RunHistory, result: AcceptedResult): RunHistory {
  const states = result.state ? new Map(history.states).set(result.site, result.state) : history.states;
  return { ...history, accepted: [...history.accepted, result], states };
}

function close(history: RunHistory, event: RunEvent & { type: 'round.closed' }): RunHistory {
  const { round, kind, metrics, model } = event;
  return {
    ...history,
    openRound: undefined,
    accepted: [],
    closed: [
      ...history.closed,
      { round, kind, metrics, results: inSiteOrder(history.accepted).map(figuresOnly) },
    ],
    position: model ? { round, model } : history.position,
    models: model ? new Map(history.models).set(round, model) : history.models,
  };
}

function inSiteOrder(results: readonly AcceptedResult[]): AcceptedResult[] {
  return [...results].sort((a, b) => compareSites(a.site, b.site));
}

/** Confusion matrices of thousands of sites and rounds would fill the memory. */
function figuresOnly(result: AcceptedResult): AcceptedResult {
  const figures = Object.entries(result.metrics).filter(([, value]) => typeof value === 'number');
  return { ...result, metrics: Object.fromEntries(figures) };
}
