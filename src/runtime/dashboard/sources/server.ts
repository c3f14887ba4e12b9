import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import type { Admin } from '../../deployment/admin/admin.ts';
import { cloneJob } from '../../deployment/admin/clone.ts';
import type { OriginalJob } from '../../deployment/admin/original-job.ts';
import { isFinished } from '../../network/messages/admin.ts';
import { isPassing } from '../../network/transfer/failures.ts';
import { RoundLines } from '../round-lines.ts';
import type { JobState, LogLine, RoundLine, SiteLine, SourceView } from '../shown.ts';
import type { AskedAction, Source, Watcher } from '../source.ts';
import { Speeds } from '../speeds.ts';
import { Changes, Shared, waits } from './changes.ts';
import { lineOf, stateOf } from './server-job.ts';

const LOOK_MS = 900;
/** Longest time a question is held open; also how old what is shown of the sites can be. */
const HOLD_SECONDS = 0.8;
const LOG_MS = 1000;
const AGAIN_MS = 1000;
/** A job that is over may be resumed. */
const OVER_MS = 3000;
const MOST_JOBS = 200;
const FIRST_LINES = 5000;

/** The jobs of a server, asked with somebody's kit: what it shows and does is what this kit may see and do. */
export class ServerSource implements Source {
  readonly id: string;
  readonly #admin: Admin;
  readonly #view: Shared<SourceView>;
  #last: SourceView | undefined;

  constructor(id: string, admin: Admin) {
    this.id = id;
    this.#admin = admin;
    this.#view = new Shared(() => this.#make(), LOOK_MS);
  }

  look(): Promise<SourceView> {
    return this.#view.get();
  }

  async #make(): Promise<SourceView> {
    const { identity, project, endpoint } = this.#admin.kit;
    const { host, port } = endpoint.server;
    const role = identity.role === undefined ? '' : ` (${identity.role})`;
    const same = {
      id: this.id,
      kind: 'server' as const,
      label: project,
      about: `${host}:${port} as ${identity.name}${role}`,
      actions: ['abort', 'clone'] as const,
    };
    try {
      const [jobs, status] = await Promise.all([
        this.#admin.jobs({ max: MOST_JOBS }),
        this.#admin.status().catch(ofThoseWhoMay),
      ]);
      this.#last = {
        ...same,
        trouble: null,
        jobs: jobs.map(lineOf),
        sites: status?.sites.map(siteLine) ?? [],
        notes: status?.server.warnings ?? [],
      };
      return this.#last;
    } catch (thrown) {
      const { message } = toNeuroflareError(thrown);
      return { ...same, jobs: [], sites: [], notes: [], ...this.#last, trouble: message };
    }
  }

  async follow(job: string, watcher: Watcher): Promise<void> {
    const trouble = new Changes<string | null>();
    trouble.isNew(null);
    const said = async (message: string | null) => {
      if (trouble.isNew(message)) await watcher.tell({ type: 'trouble', message });
    };
    const both = [this.#followEvents(job, watcher, said), this.#followLog(job, watcher)];
    await Promise.all(both);
  }

  async #followEvents(job: string, { signal, tell }: Watcher, said: Say): Promise<void> {
    const facts = await this.#facts(job);
    const seen = { lines: new RoundLines(), speeds: new Speeds(), facts };
    const changes = new Changes<JobState>();
    let after = 0;
    let isFirst = true;
    while (!signal.aborted) {
      try {
        const waitSeconds = isFirst ? 0 : HOLD_SECONDS;
        const { events, next, meta } = await this.#admin.events(job, { after, waitSeconds });
        isFirst = false;
        await said(null);
        const rounds = events.flatMap(({ event, time }): RoundLine[] => {
          const closed = seen.lines.take(event, time);
          return closed ? [closed] : [];
        });
        if (rounds.length > 0) await tell({ type: 'rounds', rounds });
        const state = stateOf(meta, seen);
        if (changes.isNew(state)) await tell({ type: 'state', state });
        const isOver = isFinished(meta.status) && next === after;
        after = next;
        if (isOver) await waits(OVER_MS, signal);
      } catch (thrown) {
        const error = toNeuroflareError(thrown);
        if (!isPassing(error)) throw error;
        await said(error.message);
        await waits(AGAIN_MS, signal);
      }
    }
  }

  /** A server that is away has no lines; who may not read them is told so by one. */
  async #followLog(job: string, { signal, tell }: Watcher): Promise<void> {
    const log = new ServerLog();
    const missing = new Changes<string>();
    do {
      const entries = await this.#admin.logs(job, log.question()).catch((thrown: unknown) => {
        const error = toNeuroflareError(thrown);
        return isPassing(error)
          ? undefined
          : { lines: [], missing: [{ site: 'server', reason: error.message }] };
      });
      const lines = log.take(entries?.lines ?? []);
      for (const { site, reason } of entries?.missing ?? []) {
        const text = `no lines of ${site}: ${reason}`;
        if (missing.isNew(text)) lines.push({ time: new Date().toISOString(), site, level: 'note', text });
      }
      if (lines.length > 0) await tell({ type: 'log', lines });
    } while (await waits(LOG_MS, signal));
  }

  /** What its submitter signed. */
  async #facts(job: string): Promise<JobState['facts']> {
    const signed = await this.#admin.signedJob(job).catch(() => undefined);
    const terms = signed?.terms;
    if (terms?.version !== 2) return [];
    return [
      ['Workflow', terms.workflow],
      ['Model', `${terms.model.size} bytes, form ${terms.model.form_sha256.slice(0, 16)}`],
      ['Good until', terms.expires],
      ['For', terms.clients === null ? 'any site of the study' : terms.clients.join(', ')],
    ];
  }

  async act({ action, job, by }: AskedAction): Promise<string> {
    if (action === 'abort') {
      const { status } = await this.#admin.abort(job);
      return `The job is ${status}.`;
    }
    if (action !== 'clone') throw flError('NF_DASHBOARD_ACTION', { action });
    const signal = new AbortController().signal;
    const { jobId } = await cloneJob(this.#admin, job, {
      signal,
      onOriginal: (original) => requireShown(original, { job, by }),
    });
    return `Submitted again as ${jobId}. Watch it: neuroflare job monitor ${shellWord(jobId)}`;
  }

  close(): Promise<void> {
    return this.#admin.close();
  }
}

/** The page showed whose job it is by the server's word: it may have sent what somebody else has signed. */
function requireShown({ submitter }: OriginalJob, { job, by }: Pick<AskedAction, 'job' | 'by'>): void {
  if (submitter !== by) throw flError('NF_DASHBOARD_ORIGINAL', { job, submitter, by: by ?? 'nobody' });
}

type Say = (message: string | null) => Promise<void>;

/** Members of a project may not see how its system is. */
function ofThoseWhoMay(thrown: unknown): undefined {
  if (toNeuroflareError(thrown).code === 'NF_ACCESS_DENIED') return undefined;
  throw thrown;
}

function siteLine(site: SiteState): SiteLine {
  const { name, org, connected, enabled, engine, version, last_seen: lastSeen, jobs } = site;
  return { site: name, org, connected, enabled, engine, version, lastSeen, jobs: jobs.length };
}

type SiteState = Awaited<ReturnType<Admin['status']>>['sites'][number];

/** Asks for lines from the time of the newest on, and leaves out those of that time that it has. */
class ServerLog {
  #since: string | undefined;
  #there = new Map<string, number>();

  question(): { tail: number; since?: string } {
    return { tail: FIRST_LINES, ...(this.#since !== undefined && { since: this.#since }) };
  }

  take(lines: readonly LogLine[]): LogLine[] {
    const known = new Map(this.#there);
    const news = lines.filter((line) => {
      const left = known.get(keyOf(line)) ?? 0;
      if (left > 0) known.set(keyOf(line), left - 1);
      return left === 0;
    });
    const newest = lines.reduce<string | undefined>(
      (time, line) => (time === undefined || line.time > time ? line.time : time),
      this.#since,
    );
    if (newest !== this.#since) this.#there = new Map();
    this.#since = newest;
    for (const line of news)
      if (line.time === newest) this.#there.set(keyOf(line), (this.#there.get(keyOf(line)) ?? 0) + 1);
    return news.map(({ time, site, level, text }) => ({ time, site, level, text }));
  }
}

function keyOf({ time, site, level, text }: LogLine): string {
  return JSON.stringify([time, site, level, text]);
}
