import {
  type ErrorReport,
  flError,
  type NeuroflareError,
  ReportedFailure,
} from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { Bell } from '../../../base/threads/bell.ts';
import type { SiteTask } from '../../../federation/channel.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';
import { isFinished } from '../../../network/messages/admin.ts';
import type { LogLevel } from '../../../network/messages/shapes.ts';
import type { AssignedJob, Decision } from '../../../network/messages/site.ts';
import type { DecisionRecord, JobChange, JobRecord, ServerStore } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';
import type { JobFolder } from '../state-folder.ts';
import { gatherSites } from './gather-sites.ts';
import { clearWorkFiles } from './job-results.ts';
import { JobRunner, type JobWork } from './job-runner.ts';
import { type JobEnd, waitingJob } from './job-state.ts';
import { JobTraining } from './job-training.ts';
import { Offers, offerRules } from './offers.ts';
import { SecondThoughts } from './second-thoughts.ts';
import { assignedTask, SiteChannel } from './site-channel.ts';
import { leftError } from './site-left.ts';
import { SiteLogs } from './site-logs.ts';

export interface JobRunDeps {
  readonly store: ServerStore;
  readonly folder: JobFolder;
  readonly registry: SiteRegistry;
  readonly work: WorkThread;
  readonly logger: Logger;
  readonly mostModelBytes: number;
  /** Sites that are here and have the job, or could take it: of its study, with room for it. */
  readonly eligible: (run: JobRun) => readonly string[];
  /** Whether the server has room for one more job that trains: it takes a place then. */
  readonly mayBegin: (run: JobRun) => boolean;
  /** Other jobs that run at a site at the moment, and the milliseconds a task of theirs can last. */
  readonly othersAt: (site: string, run: JobRun) => ReadonlyMap<string, number>;
  /** Status changed, for the audit log and metrics. */
  readonly onStatus: (run: JobRun) => void;
  /** Seconds from a round's opening to its close. */
  readonly onRound: (seconds: number) => void;
  /** It waits until somebody has mended this machine. */
  readonly onTrouble: (run: JobRun, error: NeuroflareError) => void;
}

/** One job that is being offered to sites or runs, as sites and people ask about it. What becomes of it is for its runner to say. */
export class JobRun {
  readonly job: CheckedJob;
  readonly offers: Offers;
  readonly thoughts: SecondThoughts;
  readonly channel: SiteChannel;
  readonly training: JobTraining;
  readonly siteLogs: SiteLogs;
  /** Rings at every event and change. */
  readonly bell = new Bell();
  record: JobRecord;
  logLevel: LogLevel = 'info';
  /** What of the machine keeps it from going on. */
  trouble: { readonly error: NeuroflareError; readonly since: string } | undefined;
  readonly #deps: JobRunDeps;
  readonly #runner: JobRunner;
  /** Settles when the job is where it was before a restart: from then on sites may ask for it. */
  readonly isBack: Promise<void>;
  readonly #back = Promise.withResolvers<void>();
  #asked: ReadonlySet<string> = new Set();

  constructor(
    { record, job, decisions }: { record: JobRecord; job: CheckedJob; decisions: readonly DecisionRecord[] },
    deps: JobRunDeps,
  ) {
    this.record = record;
    this.job = job;
    this.#deps = deps;
    this.isBack = this.#back.promise;
    this.siteLogs = new SiteLogs(deps.folder);
    this.offers = new Offers(offerRules(record, job.definition.workflow), decisions);
    const { siteTimeout } = job.definition.workflow;
    this.thoughts = new SecondThoughts(this.offers, { job: record.id, siteTimeout, bell: this.bell });
    this.channel = this.#openChannel();
    this.training = new JobTraining({
      ...deps,
      job,
      record: () => this.record,
      offers: this.offers,
      channel: this.channel,
      onEvent: () => this.#goesOn(),
      change: (change) => this.#change(change),
    });
    // A job that is not over has an error only where it was aborted before the server stopped.
    const aborted = record.error && new ReportedFailure(record.error);
    this.#runner = new JobRunner(waitingJob(record.status, aborted), this.#work());
  }

  /** From where it is to its end. Never rejects: how it ended is in the record. */
  async run(): Promise<void> {
    const onChange = { connected: () => this.refresh(), lost: () => this.refresh() };
    const unlisten = this.#deps.registry.listen(onChange);
    this.refresh();
    await this.#runner.run();
    unlisten();
    this.#back.resolve();
    this.channel.close();
    this.refresh();
  }

  /** Durable when it returns: a server that is killed now does not go on with the job. @throws NF_JOB_OVER also while its end is written */
  async abort(who: string): Promise<void> {
    const answer = await this.#runner.abort(flError('NF_JOB_ABORTED', { who }));
    if (answer.is === 'taken') return;
    if (answer.is === 'failed') throw answer.error;
    const { id: job, status } = this.record;
    const now = answer.since === 'over' ? status : 'its results are being written';
    throw flError('NF_JOB_OVER', { job, status: now });
  }

  /** A site that was taken out of the study has no part in the job any more. Durable when it returns. */
  async dismiss(site: string): Promise<void> {
    const { study } = this.record;
    const error = flError('NF_SITE_LEFT_STUDY', { site, study }, { place: { site } }).report();
    await this.decide(site, { answer: 'refused', reason: error });
    const deadEnd = this.offers.deadEnd();
    if (deadEnd?.reason) this.giveUp(deadEnd.reason.message.replace(/\.$/, ''));
  }

  /** It can never get the sites it needs. */
  giveUp(reason: string): void {
    this.#runner.giveUp(flError('NF_JOB_NOT_SCHEDULED', { reason }));
  }

  /** The server stops: the job goes on when it is there again. */
  interrupt(): void {
    this.#runner.leave(flError('NF_INTERRUPTED', { signal: 'the server', hint: 'It goes on by itself.' }));
  }

  /** What a site should know of this job and do for it. */
  assigned(site: string): AssignedJob | undefined {
    if (!this.#asked.has(site)) return undefined;
    const { record } = this;
    const { resume } = record.terms ?? {};
    const task = this.channel.task(site);
    return {
      job_id: record.id,
      log_level: this.logLevel,
      ...(resume !== undefined && { resume }),
      ...(task && { task: assignedTask(task, this.training.modelSize) }),
    };
  }

  /** Durable when it returns. */
  async decide(site: string, decision: Decision): Promise<void> {
    const record = { ...decision, site, time: new Date().toISOString() };
    await this.#deps.store.decide(this.record.id, record);
    this.offers.decide(record);
    if (decision.answer === 'refused') await this.#release(record);
    this.refresh();
  }

  /** A site that takes a job back has failed in the open round, whose rule says what that means. */
  async #release({ site, reason }: DecisionRecord): Promise<void> {
    const task = this.channel.task(site);
    if (!task) return;
    const error = leftError({ site, reason }, task.round).report();
    await this.channel.deliver({ type: 'failure', task: task.id, error });
  }

  /** Looks anew who is asked to take part, and rings for those it concerns. */
  refresh(): void {
    const { registry, eligible } = this.#deps;
    const before = this.#asked;
    this.#asked = new Set(isFinished(this.record.status) ? [] : this.offers.askedOf(eligible(this)));
    for (const site of new Set([...before, ...this.#asked]))
      if (before.has(site) !== this.#asked.has(site)) registry.bell(site).ring();
    this.bell.ring();
  }

  setLogLevel(level: LogLevel): void {
    this.logLevel = level;
    for (const site of this.#asked) this.#deps.registry.bell(site).ring();
  }

  /** Sites whose machines keep them from going on with the job, and why. */
  stuck(): ReadonlyMap<string, ErrorReport> {
    return this.#deps.registry.troubles(this.record.id, this.#asked);
  }

  asks(site: string): boolean {
    return this.#asked.has(site);
  }

  #openChannel(): SiteChannel {
    const { workflow, executor } = this.job.definition;
    return new SiteChannel({
      ...this.#deps,
      others: (site) => this.#deps.othersAt(site, this),
      job: this.record.id,
      accepted: () => this.offers.accepted(),
      onMove: () => this.#back.resolve(),
      bell: this.bell,
      verdictOn: (task) => this.training.verdictOn(task),
      deadEnd: () => this.thoughts.deadEnd(this.#asked),
      siteTimeout: workflow.siteTimeout,
      taskTimeout: executor.taskTimeout,
      bytesOf: (task) => ({ model: this.#bytesOf(task), files: this.record.bundle.size }),
    });
  }

  /** Of all that a task begins with. */
  #bytesOf({ inputs }: SiteTask): number {
    return Object.values(inputs).reduce((sum, file) => sum + this.training.modelSize(file), 0);
  }

  /** What its steps are. */
  #work(): JobWork {
    const { logger, onTrouble } = this.#deps;
    const { id: job } = this.record;
    return {
      offer: async () => {
        await this.#change({ status: 'DISPATCHED' });
        this.#back.resolve();
      },
      gather: (signal) => this.#gather(signal),
      begin: () => {
        const started = new Date().toISOString();
        return this.#change({ status: 'RUNNING', started, minClients: this.offers.least() });
      },
      train: (how) => this.training.run(how),
      salvage: () =>
        this.training.salvage().catch((lost: unknown) => {
          logger.error({ job, reason: String(lost) }, 'the results could not be written');
        }),
      end: (end) => this.#end(end),
      noteAbort: (error) => this.#change({ error: error.report() }),
      onHold: (error) => {
        this.trouble = { error, since: this.trouble?.since ?? new Date().toISOString() };
        onTrouble(this, error);
        this.bell.ring();
      },
      onLost: (error) => logger.error({ job, ...error.report() }, 'the end of the job cannot be noted'),
    };
  }

  #gather(signal: AbortSignal): Promise<void> {
    return gatherSites({
      offers: this.offers,
      bell: this.bell,
      asked: () => [...this.#asked],
      stuck: () => this.stuck(),
      mayBegin: () => this.#deps.mayBegin(this),
      decide: (site, decision) => this.decide(site, decision),
      siteTimeout: this.job.definition.workflow.siteTimeout,
      signal,
    });
  }

  async #end({ status, error }: JobEnd): Promise<void> {
    const ended = new Date().toISOString();
    await this.#change({ status, ended, ...(error && { error: error.report() }) });
    if (status === 'FINISHED:COMPLETED') await clearWorkFiles(this.#deps.folder).catch(() => undefined);
  }

  async #change(change: JobChange): Promise<void> {
    await this.#deps.store.changeJob(this.record.id, change);
    this.record = { ...this.record, ...change };
    if (change.status) {
      faultPoint(`job:${change.status}`);
      this.#deps.onStatus(this);
    }
    this.#goesOn();
  }

  /** Nothing of the machine keeps it from going on. */
  #goesOn(): void {
    this.trouble = undefined;
    this.bell.ring();
  }
}
