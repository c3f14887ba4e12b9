import { resolve } from 'node:path';
import { flError, NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import { isThere } from '../../base/files/is-there.ts';
import { compareText } from '../../base/text/compare-text.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { makeReport, REPORT_FILES } from '../../evaluation/report/make-report.ts';
import { type AskedRun, evaluateCommand, reportCommand } from '../../evaluation/report/next-command.ts';
import { type LiveTasks, readLiveTasks } from '../../run/live-tasks.ts';
import type { RunCard } from '../../run/run-card.ts';
import { findRun, listJobs, listRuns } from '../../run/run-index.ts';
import { RoundLines } from '../round-lines.ts';
import type { JobLine, JobState, RoundLine, SiteProgress, SourceView, Tone } from '../shown.ts';
import type { AskedAction, Source, Watcher } from '../source.ts';
import { Speeds } from '../speeds.ts';
import { Changes, Shared, waits } from './changes.ts';
import { runFacts } from './run-facts.ts';
import { RunWatch } from './run-watch.ts';
import { SiteLogs } from './site-logs.ts';

const LOOK_MS = 900;
const FOLLOW_MS = 400;
/** The newest; a workspace may have years of them. */
const MOST_RUNS = 500;
const TONES: Readonly<Record<RunWatch['status'], Tone>> = {
  running: 'running',
  interrupted: 'stopped',
  failed: 'failed',
  finished: 'done',
};

/** The simulations of a workspace, read from their folders. */
export class WorkspaceSource implements Source {
  readonly id: string;
  readonly #workspace: string;
  readonly #runs = new Map<string, RunWatch>();
  readonly #view: Shared<SourceView>;

  constructor(id: string, workspace: string) {
    this.id = id;
    this.#workspace = workspace;
    this.#view = new Shared(() => this.#make(), LOOK_MS);
  }

  look(): Promise<SourceView> {
    return this.#view.get();
  }

  async #make(): Promise<SourceView> {
    const names = await this.#names();
    for (const known of this.#runs.keys()) if (!names.includes(known)) this.#runs.delete(known);
    const jobs: JobLine[] = [];
    for (const name of names) jobs.push(await this.#line(name));
    return {
      id: this.id,
      kind: 'workspace',
      label: 'Simulations',
      about: resolve(this.#workspace),
      trouble: null,
      jobs,
      sites: [],
      notes: [],
      actions: ['report'],
    };
  }

  /** `JOB/RUN_ID`, the newest first. */
  async #names(): Promise<string[]> {
    const jobs = await listJobs(this.#workspace);
    const runs = await Promise.all(
      jobs.map(async (job) => (await listRuns(this.#workspace, job)).map((id) => ({ job, id }))),
    );
    return runs
      .flat()
      .sort((a, b) => compareText(b.id, a.id) || compareText(a.job, b.job))
      .slice(0, MOST_RUNS)
      .map(({ job, id }) => `${job}/${id}`);
  }

  async #line(name: string): Promise<JobLine> {
    const watch = this.#runs.get(name) ?? (await this.#open(name));
    this.#runs.set(name, watch);
    try {
      await watch.refresh();
      return lineOf(name, watch);
    } catch (thrown) {
      if (!(thrown instanceof NeuroflareError)) throw thrown;
      return unreadable(name, thrown);
    }
  }

  async #open(name: string): Promise<RunWatch> {
    const [job = '', id] = name.split('/');
    // One that is new on disk may have no card yet.
    return new RunWatch((await findRun(this.#workspace, job, id)).folder);
  }

  async follow(name: string, { signal, tell }: Watcher): Promise<void> {
    if (!(await this.#names()).includes(name)) throw flError('NF_DASHBOARD_JOB', { job: name });
    const watch = await this.#open(name);
    const lines = new RoundLines();
    const speeds = new Speeds();
    const changes = new Changes<JobState>();
    let logs: SiteLogs | undefined;
    do {
      const rounds: RoundLine[] = [];
      await watch.refresh((event, time) => {
        const closed = lines.take(event, time);
        if (closed) rounds.push(closed);
      });
      if (rounds.length > 0) await tell({ type: 'rounds', rounds });
      const tasks = watch.isRunning ? await readLiveTasks(watch.folder) : [];
      const state = this.#state(name, watch, { lines, tasks, speeds });
      if (changes.isNew(state)) await tell({ type: 'state', state });
      logs ??= new SiteLogs(watch.folder, watch.card?.sites ?? []);
      const printed = await logs.news();
      if (printed.length > 0) await tell({ type: 'log', lines: printed });
    } while (await waits(FOLLOW_MS, signal));
  }

  #state(name: string, watch: RunWatch, seen: Seen): JobState {
    const { card, history, folder } = watch;
    const [failure] = history?.failures ?? [];
    const asked = { target: name, workspace: this.#workspace };
    const isOver = watch.status !== 'running';
    return {
      ...lineOf(name, watch),
      ended: null,
      round: seen.lines.round ?? null,
      progress: progressOf(watch, seen),
      waiting: null,
      failure: failure ?? null,
      error: history?.error ?? null,
      facts: card ? [...runFacts(card), ...engineFacts(seen.lines)] : [],
      notes: card?.warnings ?? [],
      next: card ? nextOf(watch.status, card, asked) : [],
      actions: history && history.closedRounds > 0 && isOver ? ['report'] : [],
      hasReport: isThere(folder.at(REPORT_FILES.page)),
    };
  }

  /** Where the report of a run lies, once it was made. @throws NF_DASHBOARD_JOB */
  async reportOf(name: string): Promise<string> {
    if (!(await this.#names()).includes(name)) throw flError('NF_DASHBOARD_JOB', { job: name });
    const path = (await this.#open(name)).folder.at(REPORT_FILES.page);
    if (!isThere(path)) throw flError('NF_DASHBOARD_JOB', { job: `report of ${name}` });
    return path;
  }

  async act({ action, job }: AskedAction): Promise<string> {
    if (action !== 'report') throw flError('NF_DASHBOARD_ACTION', { action });
    if (!(await this.#names()).includes(job)) throw flError('NF_DASHBOARD_JOB', { job });
    await makeReport({ target: job, workspace: this.#workspace, out: undefined });
    return 'The report is made.';
  }

  async close(): Promise<void> {}
}

function nextOf(status: RunWatch['status'], card: RunCard, asked: AskedRun): string[] {
  if (status === 'running') return [];
  if (status === 'interrupted')
    return [
      `neuroflare simulate ${shellWord(card.job_folder)} --workspace ${shellWord(asked.workspace)} --resume`,
    ];
  const judge = evaluateCommand(card, asked);
  return [...(judge === undefined ? [] : [judge]), reportCommand(asked)];
}

interface Seen {
  readonly lines: RoundLines;
  readonly tasks: LiveTasks;
  readonly speeds: Speeds;
}

function lineOf(name: string, { card, history, status }: RunWatch): JobLine {
  return {
    id: name,
    name: card?.job.name ?? name,
    status,
    tone: TONES[status],
    rounds: history?.position?.round ?? 0,
    numRounds: card?.job.workflow.num_rounds ?? null,
    sites: card?.sites.length ?? null,
    metric: card?.job.workflow.key_metric ?? null,
    best: history?.best?.value ?? null,
    by: null,
    begun: card?.created ?? null,
    waits: null,
  };
}

function unreadable(name: string, error: NeuroflareError): JobLine {
  const unknown = {
    rounds: null,
    numRounds: null,
    sites: null,
    metric: null,
    best: null,
    by: null,
    begun: null,
  };
  const { message } = toNeuroflareError(error);
  return { id: name, name, status: 'unreadable', tone: 'failed', ...unknown, waits: message };
}

function progressOf({ card, history, isRunning }: RunWatch, { lines, tasks, speeds }: Seen): SiteProgress[] {
  const now = new Map(tasks.map((task) => [task.site, task]));
  return (card?.sites ?? []).map((site) => {
    const task = now.get(site);
    const isMember = lines.members.has(site);
    const hasAnswered = lines.answered.has(site);
    const phase = task ? 'running' : hasAnswered ? 'answered' : isMember && isRunning ? 'queued' : 'idle';
    const isKnown = task !== undefined && task.total > 0;
    return {
      site,
      phase,
      done: isKnown ? task.done : null,
      total: isKnown ? task.total : null,
      perSecond: speeds.of(site, isKnown ? task.done : undefined),
      since: task?.since ?? null,
      connected: true,
      isWaitedFor: isMember && !hasAnswered && isRunning,
      rounds: history?.rounds.get(site) ?? 0,
      note: null,
    };
  });
}

/** What computed; sites that compute alike are one line. */
function engineFacts({ engines }: RoundLines): [string, string][] {
  const kinds = new Set(
    [...engines.values()].map(({ name, device, library }) => `${name} on ${device} (${library})`),
  );
  return [...kinds].map((kind) => ['Computed by', kind]);
}
