import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { makeFolder } from '../../../base/files/files.ts';
import { OFFER_LIMITS } from '../../../base/limits.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { OneByOne } from '../../../base/threads/one-by-one.ts';
import { openIntake } from '../../../federation/intake/intake.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';
import { isFinished, type JobStatus } from '../../../network/messages/admin.ts';
import type { AssignedJob } from '../../../network/messages/site.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import { moveToLostAndFound } from '../lost-and-found.ts';
import type { Studies } from '../policy/studies.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';
import type { JobFolder, StateFolder } from '../state-folder.ts';
import type { IntakeRules } from './intake-rules.ts';
import { JobRun } from './job-run.ts';
import { oneStep, STEP_NOTE } from './one-step.ts';
import { type ResumeRequest, resumeJob } from './resume-job.ts';
import { hasRoom, type ScheduledSite, schedule } from './schedule.ts';
import { INCOMING, type IntakeDeps, takeIn } from './take-in.ts';

export interface JobServiceDeps {
  readonly project: string;
  /** PEM of the authority. */
  readonly rootPem: string;
  readonly state: StateFolder;
  readonly store: ServerStore;
  readonly studies: Studies;
  readonly registry: SiteRegistry;
  readonly work: WorkThread;
  readonly logger: Logger;
  /** For people. */
  readonly tell: (line: string) => void;
  readonly maxJobs: number;
  readonly mostModelBytes: number;
  /** Nothing is on its way from a job or to it when it returns. */
  readonly endTransfers: (job: string) => Promise<void>;
  readonly onStatus: (run: JobRun) => void;
  readonly onRound: (seconds: number) => void;
  /** A job waits until somebody has mended this machine. */
  readonly onTrouble: (run: JobRun, error: NeuroflareError) => void;
}

const UNFINISHED: JobStatus[] = ['SUBMITTED', 'DISPATCHED', 'RUNNING'];
const LOOK_MS = 1000;

/** All jobs of a server: takes them in, gives them to sites when there is room, and takes them up again after a restart. */
export class JobService {
  readonly #deps: JobServiceDeps;
  /** Where what others submitted is opened and checked. */
  readonly #intake = openIntake();
  readonly #byId = new OneByOne();
  /** Not finished when the server started, and not taken up yet. */
  readonly #left = new Map<string, JobRecord>();
  #opening: { readonly id: string; readonly stop: AbortController } | undefined;
  readonly #back = Promise.withResolvers<void>();
  /** Settles when every job is where it was: a site that asked before would take its task for cancelled. */
  readonly isBack = this.#back.promise;
  /** Submitted and not yet offered, in the order they came. */
  readonly #waiting = new Map<string, JobRun>();
  /** Offered or running. */
  readonly #active = new Map<string, JobRun>();
  /** Those that train, or are about to: `maxJobs` at most. */
  readonly #places = new Set<string>();
  /** When the active ones were offered, of the monotonic clock in milliseconds. */
  readonly #offeredAt = new Map<string, number>();
  /** Of those that were launched: settles when nothing of them is under way any more. */
  readonly #runs = new Map<string, Promise<void>>();
  /** Jobs that are being resumed: until it is decided they are not deleted. */
  readonly #resuming = new Set<string>();
  #reasons: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: JobServiceDeps) {
    this.#deps = deps;
  }

  /** Before anybody is answered: what was cut short is removed, and what is not finished is known. */
  async prepare(): Promise<void> {
    const { store } = this.#deps;
    await this.#removeStrays();
    for (const record of await store.jobs({ statuses: UNFINISHED })) this.#left.set(record.id, record);
  }

  /** Finds every job where it was when the server stopped, and goes on with it. */
  async start(): Promise<void> {
    const { registry } = this.#deps;
    for (const record of [...this.#left.values()]) if (this.#left.has(record.id)) await this.#takeUp(record);
    await Promise.all(this.active().map(({ isBack }) => isBack));
    this.#back.resolve();
    if (this.#closed) return;
    const look = () => this.schedule();
    registry.listen({ connected: look, lost: look });
    this.#timer = setInterval(look, LOOK_MS);
    await this.keepToStudies();
    this.schedule();
  }

  async #takeUp(record: JobRecord): Promise<void> {
    if (this.#closed) return;
    const { store, logger } = this.#deps;
    const stop = new AbortController();
    this.#opening = { id: record.id, stop };
    try {
      if (record.damaged)
        throw flError('NF_JOB_RECORD', { job: record.id, parts: record.damaged.parts.join(', ') });
      const run = await this.#open(record, stop.signal);
      if (!this.#left.has(record.id) || this.#closed) return;
      if (record.status === 'SUBMITTED' && !record.error) this.#waiting.set(record.id, run);
      else this.#launch(run);
    } catch (thrown) {
      if (!this.#left.has(record.id) || this.#closed) return;
      const error = toNeuroflareError(thrown);
      logger.error({ job: record.id, ...error.report() }, 'the job cannot be taken up again');
      const ended = new Date().toISOString();
      await store.changeJob(record.id, {
        status: 'FINISHED:EXECUTION_EXCEPTION',
        ended,
        error: error.report(),
      });
    } finally {
      this.#left.delete(record.id);
      this.#opening = undefined;
    }
  }

  /** Jobs are left where they are; they go on with the next start. */
  async stop(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#back.resolve();
    await this.#intake.close();
    for (const run of this.#active.values()) run.interrupt();
    for (const run of this.#waiting.values()) run.channel.close();
    await Promise.all(this.#runs.values());
  }

  active(): readonly JobRun[] {
    return [...this.#active.values()];
  }

  waitingCount(): number {
    return this.#waiting.size;
  }

  /** A job that is not finished. */
  find(id: string): JobRun | undefined {
    return this.#active.get(id) ?? this.#waiting.get(id);
  }

  /** Why a submitted job is not offered yet. */
  reasonOf(id: string): string | undefined {
    return this.#reasons.get(id);
  }

  /** @throws NF_JOB_UNKNOWN */
  async record(id: string): Promise<JobRecord> {
    const known = this.find(id)?.record ?? (await this.#deps.store.job(id));
    if (known) return known;
    throw flError('NF_JOB_UNKNOWN', { job: id, nearest: '' });
  }

  /** A job of an offer or a task, for a site that has it. @throws NF_JOB_NOT_HERE */
  forSite(id: string, site: string): JobRun {
    const run = this.#active.get(id);
    if (run?.asks(site)) return run;
    throw flError('NF_JOB_NOT_HERE', { job: id, site });
  }

  /** Everything a site should be doing. */
  assigned(site: string): AssignedJob[] {
    return this.active().flatMap((run) => run.assigned(site) ?? []);
  }

  folder(id: string): JobFolder {
    return this.#deps.state.job(id);
  }

  /**
   * Takes a job in; durable when it returns. A known token answers with the job it was given for. `body`: JSON of `submission`, which is
   * read in the intake's thread.
   * @throws NF_REQUEST_FORM, NF_JOB_*, NF_JOB_SIGNATURE, NF_JOB_DELETED, NF_SUBMIT_TOKEN_CONFLICT
   */
  async submit(
    user: Identity,
    body: Uint8Array,
    rules: IntakeRules,
  ): Promise<{ job: JobRecord; isNew: boolean }> {
    const added = await takeIn({ user, body, rules }, this.#intakeDeps());
    if (added.isNew) await this.#enqueue(added.job);
    return added;
  }

  /**
   * A job that ended without success goes on, under its own id; durable when it returns. The same request again changes nothing.
   * @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_CANNOT_RESUME, NF_JOB_SIGNATURE, NF_JOB_TERMS
   */
  async resume(user: Identity, id: string, request: ResumeRequest): Promise<{ isNew: boolean }> {
    this.#resuming.add(id);
    try {
      // What is left to do for its end would be done to the job that goes on.
      const run = this.find(id);
      if (run && isFinished(run.record.status)) await this.#runs.get(id);
      const { record, isNew } = await resumeJob({ id, user, request }, this.#intakeDeps());
      if (isNew) await this.#enqueue(record);
      return { isNew };
    } finally {
      this.#resuming.delete(id);
    }
  }

  /** Durable when it returns. @throws NF_JOB_OVER */
  async abort(record: JobRecord, who: string): Promise<void> {
    const run = this.find(record.id);
    if (!run && this.#left.has(record.id)) return this.#drop(record, who);
    if (!run) throw flError('NF_JOB_OVER', { job: record.id, status: record.status });
    await run.abort(who);
    if (!this.#waiting.delete(record.id)) return;
    this.#launch(run);
  }

  /** Ends a job that is still to be taken up. */
  async #drop({ id }: JobRecord, who: string): Promise<void> {
    const error = flError('NF_JOB_ABORTED', { who });
    const ended = new Date().toISOString();
    this.#left.delete(id);
    await this.#deps.store.changeJob(id, { status: 'FINISHED:ABORTED', ended, error: error.report() });
    if (this.#opening?.id === id) this.#opening.stop.abort(error);
  }

  /** Sites that are not in a job's study any more have no part in it; a job whose study is gone ends. */
  async keepToStudies(): Promise<void> {
    const { studies } = this.#deps;
    for (const run of [...this.#active.values(), ...this.#waiting.values()]) {
      const { record } = run;
      for (const site of run.offers.taking()) if (!studies.hasSite(record, site)) await run.dismiss(site);
      if (studies.ofJob(record)) continue;
      run.giveUp(`the study ${record.study} was removed`);
      if (this.#waiting.delete(record.id)) this.#launch(run);
    }
    this.schedule();
  }

  /** Removes a finished job and everything of it. @throws NF_JOB_NOT_OVER */
  async delete(record: JobRecord): Promise<void> {
    if (!isFinished(record.status) || this.#resuming.has(record.id))
      throw flError('NF_JOB_NOT_OVER', { job: record.id, status: record.status });
    await this.#deps.store.deleteJob(record.id);
    await this.#deps.endTransfers(record.id);
    await rm(this.folder(record.id).root, { recursive: true, force: true });
  }

  /** Offers waiting jobs to sites that have room for them. */
  schedule(): void {
    if (this.#closed) return;
    const waiting = [...this.#waiting.values()].map((run) => ({
      id: run.record.id,
      need: run.job.definition.resources,
      offers: run.offers,
      mayRunAt: (site: string) => this.#mayRunAt(site, run),
    }));
    const { start, reasons } = schedule(waiting, {
      sites: this.#sites(),
      running: this.#runningCount(),
      maxJobs: this.#deps.maxJobs,
    });
    this.#reasons = reasons;
    for (const id of start) {
      const run = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (run) this.#launch(run);
    }
    for (const run of this.#active.values()) run.refresh();
  }

  /** One that has only been offered for a while keeps no other from its turn, as long as these are not too many. */
  #runningCount(): number {
    const { counted_seconds: grace, offered } = OFFER_LIMITS;
    const { maxJobs } = this.#deps;
    const since = performance.now() - grace.most * 1000;
    const count = [...this.#offeredAt].filter(([id, at]) => this.#places.has(id) || at > since).length;
    return this.#active.size >= offered.most * maxJobs ? Math.max(count, maxJobs) : count;
  }

  #mayBegin(id: string): boolean {
    if (this.#places.size >= this.#deps.maxJobs && !this.#places.has(id)) return false;
    this.#places.add(id);
    return true;
  }

  async #enqueue(record: JobRecord): Promise<void> {
    this.#waiting.set(record.id, await this.#open(record));
    this.schedule();
  }

  async #open(record: JobRecord, signal?: AbortSignal): Promise<JobRun> {
    const folder = this.folder(record.id);
    const modelComesApart = record.initialModel !== undefined;
    const check = () => this.#check(folder.at(RUN_FILES.bundle), { modelComesApart, signal });
    const job = await oneStep(folder.at(STEP_NOTE), 'opening this job', check);
    const decisions = await this.#deps.store.decisions(record.id);
    return new JobRun(
      { record, job, decisions },
      {
        ...this.#deps,
        folder,
        eligible: (run) => this.#eligible(run),
        mayBegin: () => this.#mayBegin(record.id),
        others: (site) => this.#othersAt(site, record.id),
      },
    );
  }

  #othersAt(site: string, job: string): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const [id, { channel }] of this.#active) {
      const longest = id === job ? undefined : channel.runsAt(site);
      if (longest !== undefined) found.set(id, longest);
    }
    return found;
  }

  #intakeDeps(): IntakeDeps {
    const check: IntakeDeps['check'] = (folder, rules) => this.#check(folder, rules);
    return { ...this.#deps, intake: this.#intake, byId: this.#byId, check };
  }

  /** Reads a job in a thread that cannot hold up this one, whatever is in it. */
  #check(
    folder: string,
    { modelComesApart, signal }: { modelComesApart: boolean; signal?: AbortSignal | undefined },
  ): Promise<CheckedJob> {
    const { mostModelBytes } = this.#deps;
    return this.#intake.run('load', { folder, rules: { modelComesApart, mostModelBytes } }, signal);
  }

  #launch(run: JobRun): void {
    this.#active.set(run.record.id, run);
    const { id, status } = run.record;
    this.#offeredAt.set(id, performance.now());
    if (status === 'RUNNING') this.#places.add(id);
    const done = run.run().finally(() => {
      this.#runs.delete(id);
      this.#offeredAt.delete(id);
      this.#places.delete(id);
      if (this.#closed) return;
      this.#active.delete(id);
      this.#deps.registry.wakeAll();
      this.schedule();
    });
    this.#runs.set(id, done);
  }

  #mayRunAt(site: string, { record }: JobRun): boolean {
    return this.#deps.registry.isEnabled(site) && this.#deps.studies.hasSite(record, site);
  }

  #eligible(run: JobRun): string[] {
    const need = run.job.definition.resources;
    return this.#sites()
      .filter((site) => run.asks(site.name) || (this.#mayRunAt(site.name, run) && hasRoom(site, need)))
      .map(({ name }) => name);
  }

  /** Sites that are here, and what they have taken on. */
  #sites(): ScheduledSite[] {
    return this.#deps.registry.sessions().map(({ site, resources }) => ({
      name: site,
      resources,
      taken: this.active()
        .filter((run) => run.asks(site))
        .map(({ job }) => job.definition.resources),
    }));
  }

  /** Submissions that were cut short before anybody was told of them; what else is not known is kept. */
  async #removeStrays(): Promise<void> {
    const { state, store, logger, tell } = this.#deps;
    await makeFolder(state.jobs);
    const known = new Set((await store.jobs()).map(({ id }) => id));
    for (const name of await readdir(state.jobs)) {
      const path = join(state.jobs, name);
      if (name.startsWith(INCOMING)) await rm(path, { recursive: true, force: true });
      else if (!known.has(name)) {
        const kept = await moveToLostAndFound(state, path);
        logger.warn({ job: name, kept }, 'a folder of a job that the database does not know is kept');
        tell(`The database does not know the job ${name}: its folder was moved to ${kept}.`);
      }
    }
  }
}
