import { join } from 'node:path';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type EgressReport, reportEgress } from '../../deployment/client/ledger/egress-report.ts';
import {
  approve,
  approvedCode,
  codeToApprove,
  folderOf,
  type ListedJob,
  listSiteJobs,
  type SitePlace,
  showCode,
  stop,
  withdraw,
} from '../../deployment/client/site-desk.ts';
import type { OpenKit } from '../../security/kit/open.ts';
import { codeDifference, type ShownFile } from '../code-difference.ts';
import type { Action, JobLine, JobState, LogLine, SourceView, Tone } from '../shown.ts';
import type { AskedAction, Source, Watcher } from '../source.ts';
import { Changes, Shared, waits } from './changes.ts';
import { TailedFile } from './tailed-file.ts';

/** Each look verifies what people decided here. */
const LOOK_MS = 1500;
const FOLLOW_MS = 1000;

/** A job's code at a site, as somebody should see it before it runs. */
export interface SiteCode {
  readonly code: string;
  readonly isApproved: boolean;
  readonly before: { readonly code: string; readonly time: string } | null;
  readonly files: readonly ShownFile[];
}

/** The jobs at a site, the code that waits for approval, and what has left: from the folders of its client. */
export class SiteSource implements Source {
  readonly id: string;
  readonly #kit: OpenKit<'client'>;
  readonly #place: SitePlace;
  readonly #jobs: Shared<Awaited<ReturnType<typeof listSiteJobs>>>;

  constructor(id: string, kit: OpenKit<'client'>, workDir: string | undefined) {
    this.id = id;
    this.#kit = kit;
    this.#place = { kitDir: kit.dir, workDir };
    this.#jobs = new Shared(() => listSiteJobs(this.#place), LOOK_MS);
  }

  get kitDir(): string {
    return this.#kit.dir;
  }

  async look(): Promise<SourceView> {
    const same = {
      id: this.id,
      kind: 'site' as const,
      label: this.#kit.identity.name,
      about: this.#kit.dir,
      sites: [],
      actions: ['approve', 'revoke', 'stop'] as const,
    };
    try {
      const { jobs, running, troubles } = await this.#jobs.get();
      return {
        ...same,
        trouble: running ? null : 'No client of this site runs.',
        jobs: jobs.map(lineOf),
        notes: troubles.map(({ message, hint }) => `${message} ${hint}`),
      };
    } catch (thrown) {
      if (!(thrown instanceof NeuroflareError)) throw thrown;
      return { ...same, trouble: thrown.message, jobs: [], notes: [] };
    }
  }

  async follow(id: string, { signal, tell }: Watcher): Promise<void> {
    const changes = new Changes<JobState>();
    const log = new TailedFile(folderOf(this.#place).job(await this.#known(id)).log);
    let last: JobState | undefined;
    do {
      const { jobs, approved } = await this.#jobs.get();
      const job = jobs.find(({ job_id: known }) => known === id);
      // A job that is over at the site is in its list no more.
      const state = job ? stateOf(job, new Set(approved)) : last && over(last);
      if (state && changes.isNew(state)) await tell({ type: 'state', state });
      last = state;
      const lines = (await log.news()).flatMap((text) => logLine(text, this.#kit.identity.name));
      if (lines.length > 0) await tell({ type: 'log', lines });
    } while (await waits(FOLLOW_MS, signal));
  }

  /** An id is a part of a path: it is one of those in the client's own list. */
  async #known(id: string): Promise<string> {
    const { jobs } = await this.#jobs.get();
    if (!jobs.some(({ job_id: known }) => known === id)) throw flError('NF_DASHBOARD_JOB', { job: id });
    return id;
  }

  /** @throws NF_DASHBOARD_JOB while its files are not here */
  async code(id: string): Promise<SiteCode> {
    const shown = await showCode(this.#place, id);
    if (!shown) throw flError('NF_DASHBOARD_JOB', { job: `code of ${id}` });
    const { bundle, isApproved, before } = shown;
    return {
      code: bundle.codeSha256,
      isApproved,
      before: before ? { code: before.code, time: before.time } : null,
      files: codeDifference(bundle, before?.bundle),
    };
  }

  /** @throws NF_EGRESS_NONE where no client has run */
  egress(job: string | undefined): Promise<EgressReport> {
    return reportEgress(folderOf(this.#place), { job });
  }

  async act({ action, job, code, reason }: AskedAction): Promise<string> {
    if (action === 'stop') {
      await stop(this.#place, job, reason?.trim() || 'no reason given');
      return 'The job does not run here any more.';
    }
    if ((action !== 'approve' && action !== 'revoke') || code === undefined)
      throw flError('NF_DASHBOARD_ACTION', { action });
    if (action === 'approve') {
      // What was shown, by its whole digest, and nothing else.
      await approve(this.#place, (await codeToApprove(this.#place, { code })).code);
      return 'The code may run here.';
    }
    const byPolicy = await withdraw(this.#place, await approvedCode(this.#place, code));
    return byPolicy
      ? 'The approval is taken back, but local/site-policy.yml of the kit lets the code run all the same.'
      : 'The code may not run here any more.';
  }

  async close(): Promise<void> {}
}

const TONES: Readonly<Partial<Record<ListedJob['phase'], Tone>>> = {
  'waiting for approval': 'waiting',
  offered: 'waiting',
  refused: 'stopped',
};

function lineOf(job: ListedJob): JobLine {
  const { job_id: id, name, phase, round, submitter, org, submitted } = job;
  return {
    id,
    name: name ?? id,
    status: phase,
    tone: TONES[phase] ?? 'running',
    rounds: round,
    numRounds: null,
    sites: null,
    metric: null,
    best: null,
    by: submitter === null ? null : `${submitter} (${org})`,
    begun: submitted,
    waits: phase === 'waiting for approval' ? 'somebody here to approve its code' : null,
  };
}

function stateOf(job: ListedJob, approved: ReadonlySet<string>): JobState {
  const { code_sha256: code } = job;
  const isApproved = code !== null && approved.has(code);
  const own: Action[] = code === null ? [] : [isApproved ? 'revoke' : 'approve'];
  return {
    ...lineOf(job),
    ended: null,
    round: job.round,
    progress: [],
    waiting: null,
    failure: null,
    error: null,
    facts: [
      ['Phase', job.phase],
      ['Study', job.study ?? 'not known yet'],
      ['Good until', job.expires ?? 'not known yet'],
      ['Code (SHA-256)', code ?? 'not fetched yet'],
      ['Approved here', isApproved ? 'yes' : 'no'],
      ['Files', join(job.folder, 'bundle')],
    ],
    notes: [],
    next: [],
    actions: [...own, 'stop'],
    hasReport: false,
  };
}

function over(last: JobState): JobState {
  return { ...last, status: 'no more at this site', tone: 'done', waits: null, actions: [] };
}

/** A line of a job's log at a site: JSON with its time, level and text. */
function logLine(line: string, site: string): LogLine[] {
  const entry = parseJson(line);
  if (typeof entry !== 'object' || entry === null) return [];
  const { time, level, text } = entry as Readonly<Record<string, unknown>>;
  return [{ time: String(time), site, level: String(level), text: String(text) }];
}
