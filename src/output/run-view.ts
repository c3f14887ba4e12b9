import { MultiBar, type SingleBar } from 'cli-progress';
import { partsOfTask } from '../runtime/algorithms/task.ts';
import type { ErrorReport } from '../runtime/base/errors/errors.ts';
import { formatPlace } from '../runtime/base/errors/errors.ts';
import { printable } from '../runtime/base/text/printable.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { SimulateOptions } from '../runtime/deployment/simulator/simulate.ts';
import type { RunEvent } from '../runtime/run/events.ts';
import type { RunCard } from '../runtime/run/run-card.ts';
import { barLine } from './bar-line.ts';
import { describeEngine } from './run-summary.ts';
import { writeNote } from './terminal.ts';
import { columnsOf, wrapped } from './width.ts';

type Hooks = Required<Pick<SimulateOptions, 'onOpen' | 'observe' | 'onLog' | 'onLeft'>>;

/** Shows a run while it goes on, on stderr. */
export interface RunView extends Hooks {
  /** Warnings that were shown. */
  readonly warned: ReadonlySet<string>;
  stop(): void;
}

/** Bars for more sites than this would push the rest off the screen. */
const MAX_SITE_BARS = 12;

interface Surface {
  engine(description: string): void;
  line(text: string): void;
  open(sites: readonly string[], rounds: number): void;
  round(round: number): void;
  task(site: string, step: { done: number; total: number }): void;
  stop(): void;
}

/** Bars per round and site on a terminal, one line per round elsewhere, nothing when quiet. */
export function createRunView(options: { quiet: boolean; showLogs: boolean }): RunView {
  const surface = options.quiet ? silence() : process.stderr.isTTY ? bars() : lines();
  const warned = new Set<string>();
  const warn = (text: string) => {
    surface.line(`warning: ${text}`);
    if (!options.quiet) warned.add(text);
  };
  let metric = '';
  let rounds = 0;
  let ends: EndsRun = () => false;
  return {
    warned,
    onOpen: ({ card, folder, history, warnings, goesOnFrom }) => {
      for (const warning of warnings) warn(warning);
      metric = card.job.workflow.key_metric;
      rounds = card.job.workflow.num_rounds;
      ends = endsRun(card, history.failures.length);
      const from = history.position?.round ?? 0;
      const goesOn = `Going on from the run ${goesOnFrom}, after round ${from}, as a new run`;
      const begins = from > 0 || history.closedRounds > 0 ? `Resuming after round ${from}` : 'Running';
      surface.line(`${goesOnFrom === undefined ? begins : goesOn} in ${folder.root}`);
      surface.open(card.sites, rounds);
      surface.round(from);
    },
    // What a command ends with is said once, at its end.
    observe: (event) => ends(event) || show(event, { surface, warn, metric, rounds }),
    onLog: (site, text) => {
      if (options.showLogs) for (const line of text.trimEnd().split('\n')) surface.line(`[${site}] ${line}`);
    },
    onLeft: ({ final, best }) => {
      if (final) surface.line(`the last model is in ${shownPath(final.file)} (model ${final.model})`);
      if (best) surface.line(`the best model is in ${shownPath(best.file)} (model ${best.model})`);
    },
    stop: () => surface.stop(),
  };
}

type EndsRun = (event: RunEvent) => boolean;

/** Whether an event is the failure that the run ends with: the first of all, in a round that cannot be closed without its site. */
function endsRun({ min_clients: least, job }: RunCard, before: number): EndsRun {
  let members = 0;
  let failures = before;
  return (event) => {
    if (event.type === 'round.opened') members = event.sites.length;
    // No round waits for a site that is asked alone.
    if (event.type === 'task.asked') members = Number.POSITIVE_INFINITY;
    if (event.type !== 'site.failed') return false;
    failures++;
    const isNeeded =
      members - 1 < least || job.workflow.mandatory_clients.includes(partsOfTask(event.task).site);
    return failures === 1 && isNeeded;
  };
}

function show(
  event: RunEvent,
  {
    surface,
    warn,
    metric,
    rounds,
  }: { surface: Surface; warn: (text: string) => void; metric: string; rounds: number },
): void {
  if (event.type === 'task.started') surface.task(partsOfTask(event.task).site, { done: 0, total: 1 });
  if (event.type === 'task.progress') surface.task(partsOfTask(event.task).site, event);
  if (event.type === 'result.accepted') surface.task(event.result.site, { done: 1, total: 1 });
  if (event.type === 'site.failed') surface.line(`failed: ${failureLine(event.error)}`);
  if (event.type === 'engine.used') surface.engine(describeEngine(event.engine));
  if (event.type === 'round.closed') {
    const value = event.metrics[metric];
    const figure = `${metric} of model ${event.round - 1}: ${typeof value === 'number' ? value.toFixed(3) : '-'}`;
    const label = event.kind === 'train' ? `round ${event.round} of ${rounds} closed` : 'final model scored';
    surface.round(Math.min(event.round, rounds));
    surface.line(`${label}, ${figure}`);
    for (const text of event.notes ?? []) warn(text);
  }
}

function failureLine(error: ErrorReport): string {
  return `${error.message} (${formatPlace(error.place)}; ${error.code})`;
}

function silence(): Surface {
  const nothing = () => undefined;
  return { engine: nothing, line: nothing, open: nothing, round: nothing, task: nothing, stop: nothing };
}

function lines(): Surface {
  const line = (text: string) => writeNote(printable(text));
  return { ...silence(), line, engine: once(line) };
}

/** Sites that compute alike say it once. */
function once(line: (text: string) => void): (description: string) => void {
  const told = new Set<string>();
  return (description) => {
    if (!told.has(description)) line(`engine: ${description}`);
    told.add(description);
  };
}

const CLEAR_TO_THE_RIGHT = '\u001b[K';

function bars(): Surface {
  const multi = new MultiBar({
    format: (_, { value, total }, { label }) =>
      barLine({ label: String(label), value, total }, columnsOf(process.stderr)),
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
  });
  const byName = new Map<string, SingleBar>();
  const roundBar = '';
  const line = (text: string) => {
    // Drawing before the first bar is made would leave a timer that stopping the bars does not end.
    if (byName.size === 0) return writeNote(printable(text));
    // While there are bars the terminal breaks no line: what is longer than the screen would be written over its last column.
    const rows = wrapped(printable(text), columnsOf(process.stderr)).split('\n');
    // The old bars are below; a row that is shorter than one would keep its end.
    multi.log(rows.map((row) => `${row}${CLEAR_TO_THE_RIGHT}\n`).join(''));
    // Else what is said last would go with the bars.
    multi.update();
  };
  return {
    line,
    engine: once(line),
    open: (sites, rounds) => {
      const width = Math.max(5, ...sites.slice(0, MAX_SITE_BARS).map(({ length }) => length));
      byName.set(roundBar, multi.create(rounds, 0, { label: 'round'.padEnd(width) }));
      for (const site of sites.slice(0, MAX_SITE_BARS))
        byName.set(site, multi.create(1, 0, { label: site.padEnd(width) }));
    },
    round: (round) => byName.get(roundBar)?.update(round),
    task: (site, { done, total }) => {
      const bar = byName.get(site);
      bar?.setTotal(total);
      bar?.update(done);
    },
    stop: () => multi.stop(),
  };
}
