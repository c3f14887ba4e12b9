import {
  type ErrorReport,
  flError,
  type NeuroflareError,
  ReportedFailure,
  toNeuroflareError,
} from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { Bell } from '../../../base/threads/bell.ts';
import type { Verdict } from '../../../federation/channel.ts';
import { type Coordinator, createCoordinator } from '../../../federation/coordinator.ts';
import { rulesOf } from '../../../federation/coordinator-rules.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';
import { runWorkflow } from '../../../federation/run-workflow.ts';
import { isFinished, type JobStatus } from '../../../network/messages/admin.ts';
import type { LogLevel } from '../../../network/messages/shapes.ts';
import type { AssignedJob, Decision } from '../../../network/messages/site.ts';
import type { FileRef, RunEvent } from '../../../run/events.ts';
import type { RunHistory } from '../../../run/history.ts';
import type { Journal } from '../../../run/journal.ts';
import type { RunFiles } from '../../../run/run-files.ts';
import type { DecisionRecord, JobChange, JobRecord, ServerStore } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';
import type { JobFolder } from '../state-folder.ts';
import { AbortGate } from './abort-gate.ts';
import { END_BY } from './end-by.ts';
import { FigureSums } from './figure-sums.ts';
import { gatherSites } from './gather-sites.ts';
import { HeldBlobs, jobFiles, lastMeasured } from './job-files.ts';
import { clearWorkFiles, historyOf, keepToGoOn, outcomeOf, writeJobResults } from './job-results.ts';
import { isOfTheMachine } from './machine-failures.ts';
import { Offers, offerRules } from './offers.ts';
import { openHistory } from './open-history.ts';
import { reduceRound } from './reduce-round.ts';
import { writtenFiles } from './result-files.ts';
import { SecondThoughts } from './second-thoughts.ts';
import { assignedTask, SiteChannel } from './site-channel.ts';
import { leftError } from './site-left.ts';
import { SiteLogs } from './site-logs.ts';
import { SiteTraffic } from './site-traffic.ts';
import { untilMended } from './until-mended.ts';

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
  readonly others: (site: string) => ReadonlyMap<string, number>;
  /** Status changed, for the audit log and metrics. */
  readonly onStatus: (run: JobRun) => void;
  /** Seconds from a round's opening to its close. */
  readonly onRound: (seconds: number) => void;
  /** It waits until somebody has mended this machine. */
  readonly onTrouble: (run: JobRun, error: NeuroflareError) => void;
}

/** One job that is being offered to sites or runs. */
export class JobRun {
  readonly job: CheckedJob;
  readonly offers: Offers;
  readonly thoughts: SecondThoughts;
  readonly channel: SiteChannel;
  readonly traffic = new SiteTraffic();
  readonly figures = new FigureSums();
  readonly siteLogs: SiteLogs;
  /** Bytes of a model. */
  readonly modelSize: (model: FileRef) => number;
  readonly held = new HeldBlobs();
  /** Rings at every event and change. */
  readonly bell = new Bell();
  record: JobRecord;
  logLevel: LogLevel = 'info';
  /** What of the machine keeps it from going on. */
  trouble: { readonly error: NeuroflareError; readonly since: string } | undefined;
  /** When a site last said something of its task, or a round began or ended: ISO 8601, UTC. */
  movedAt: string | undefined;
  readonly #deps: JobRunDeps;
  /** Settles when the job is where it was before a restart: from then on sites may ask for it. */
  readonly isBack: Promise<void>;
  readonly #back = Promise.withResolvers<void>();
  /** The job is aborted, or the server stops. */
  readonly #stop = new AbortController();
  /** The server stops. */
  readonly #leave = new AbortController();
  readonly #gate = new AbortGate();
  readonly #files: RunFiles;
  readonly #journal: Journal<RunEvent>;
  #coordinator: Coordinator | undefined;
  #asked: ReadonlySet<string> = new Set();
  #roundBegan = performance.now();

  constructor(
    { record, job, decisions }: { record: JobRecord; job: CheckedJob; decisions: readonly DecisionRecord[] },
    deps: JobRunDeps,
  ) {
    const { workflow, executor } = job.definition;
    const { siteTimeout } = workflow;
    this.record = record;
    this.job = job;
    this.#deps = deps;
    this.isBack = this.#back.promise;
    this.siteLogs = new SiteLogs(deps.folder);
    this.offers = new Offers(offerRules(record, workflow), decisions);
    this.thoughts = new SecondThoughts(this.offers, { job: record.id, siteTimeout, bell: this.bell });
    this.channel = new SiteChannel({
      ...deps,
      job: record.id,
      accepted: () => this.offers.accepted(),
      onMove: () => this.#back.resolve(),
      bell: this.bell,
      verdictOn: (site, round) => this.verdictOn(site, round),
      deadEnd: () => this.thoughts.deadEnd(this.#asked),
      siteTimeout,
      taskTimeout: executor.taskTimeout,
      bytesOf: ({ model }) => ({ model: this.modelSize(model), files: record.bundle.size }),
    });
    this.#journal = deps.store.journal(record.id);
    this.#files = jobFiles(deps.folder, () => this.history, this.held);
    this.modelSize = lastMeasured(this.#files);
  }

  get history(): RunHistory | undefined {
    return this.#coordinator?.history;
  }

  /** What an answer of a site to a round counts for, if it came now. */
  verdictOn(site: string, round: number): Verdict {
    return this.#coordinator?.verdictOn(site, round) ?? 'late';
  }

  get waitingRound() {
    return this.#coordinator?.waiting();
  }

  /** From where it is to its end. Never rejects: how it ended is in the record. */
  async run(): Promise<void> {
    const onChange = { connected: () => this.refresh(), lost: () => this.refresh() };
    const unlisten = this.#deps.registry.listen(onChange);
    try {
      this.refresh();
      await this.#live();
    } catch (thrown) {
      const { code, ...error } = toNeuroflareError(thrown).report();
      if (code !== 'NF_INTERRUPTED')
        this.#deps.logger.error(
          { job: this.record.id, code, ...error },
          'the end of the job cannot be noted',
        );
    } finally {
      unlisten();
      this.#back.resolve();
      this.channel.close();
      this.refresh();
    }
  }

  async #live(): Promise<void> {
    // A job that is not over has an error only where it was aborted before the server stopped.
    if (this.record.error) return this.#fail(new ReportedFailure(this.record.error), 'FINISHED:ABORTED');
    try {
      await this.#untilMended(() => this.#gatherSites(), this.#stop.signal);
      await this.#untilMended(() => this.#train(), this.#stop.signal);
      await this.#end('FINISHED:COMPLETED');
      await clearWorkFiles(this.#deps.folder).catch(() => undefined);
    } catch (thrown) {
      const error = toNeuroflareError(thrown);
      if (error.code === 'NF_INTERRUPTED') throw error;
      await this.#gate.shut();
      // Who was told that the job is aborted finds it so.
      if (this.#gate.isIn) await this.#fail(toNeuroflareError(this.#stop.signal.reason), 'FINISHED:ABORTED');
      else await this.#fail(error, END_BY[error.code] ?? 'FINISHED:EXECUTION_EXCEPTION');
    }
  }

  /** Durable when it returns: a server that is killed now does not go on with the job. @throws NF_JOB_OVER also while its end is written */
  async abort(who: string): Promise<void> {
    const { id: job, status } = this.record;
    const error = flError('NF_JOB_ABORTED', { who });
    const note = async () => {
      await this.#change({ error: error.report() });
      this.#stop.abort(error);
    };
    if (isFinished(status)) throw flError('NF_JOB_OVER', { job, status });
    if (await this.#gate.enter(note)) return;
    throw flError('NF_JOB_OVER', { job, status: 'its results are being written' });
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
    this.#stop.abort(flError('NF_JOB_NOT_SCHEDULED', { reason }));
  }

  /** The server stops: the job goes on when it is there again. */
  interrupt(): void {
    const reason = flError('NF_INTERRUPTED', { signal: 'the server', hint: 'It goes on by itself.' });
    this.#leave.abort(reason);
    this.#stop.abort(reason);
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
      ...(task && { task: assignedTask(task, this.modelSize(task.model)) }),
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
    const round = this.channel.task(site)?.round;
    if (round === undefined) return;
    const error = leftError({ site, reason }, round).report();
    await this.channel.deliver(site, { type: 'failure', site, round, error });
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

  async #gatherSites(): Promise<void> {
    if (this.record.status === 'RUNNING') return;
    await this.#change({ status: 'DISPATCHED' });
    this.#back.resolve();
    await gatherSites({
      offers: this.offers,
      bell: this.bell,
      asked: () => [...this.#asked],
      stuck: () => this.stuck(),
      mayBegin: () => this.#deps.mayBegin(this),
      decide: (site, decision) => this.decide(site, decision),
      siteTimeout: this.job.definition.workflow.siteTimeout,
      signal: this.#stop.signal,
    });
    const started = new Date().toISOString();
    await this.#change({ status: 'RUNNING', started, minClients: this.offers.least() });
  }

  /** Until somebody has mended what keeps the machine from it. */
  #untilMended(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const onTrouble = (error: NeuroflareError) => {
      this.trouble = { error, since: this.trouble?.since ?? new Date().toISOString() };
      this.#deps.onTrouble(this, error);
      this.bell.ring();
    };
    return untilMended(work, { onTrouble, signal });
  }

  async #train(): Promise<void> {
    const { definition } = this.job;
    const history = await openHistory({
      ...this.#deps,
      record: this.record,
      job: definition,
      journal: this.#journal,
      files: this.#files,
      signal: this.#stop.signal,
    });
    if (history.status === 'finished') return this.#finish(history);
    const minClients = this.record.minClients ?? this.offers.least();
    this.#coordinator = createCoordinator({
      rules: rulesOf({ job: definition, minClients }),
      channel: this.channel,
      journal: this.#journal,
      files: this.#files,
      history,
      signal: this.#stop.signal,
      observe: (event) => this.#observe(event),
      reduce: (request) => reduceRound(request, { ...this.#deps, traffic: this.traffic }),
    });
    await runWorkflow(this.#coordinator, {
      workflow: definition.workflow,
      keep: (final) => this.#finish(final),
      isPassing: isOfTheMachine,
    });
  }

  #observe(event: RunEvent): void {
    const { id: job } = this.record;
    this.trouble = undefined;
    this.movedAt = new Date().toISOString();
    if (event.type === 'round.opened') this.#roundBegan = performance.now();
    if (event.type === 'round.closed') {
      const seconds = (performance.now() - this.#roundBegan) / 1000;
      this.#roundBegan = performance.now();
      this.#deps.onRound(seconds);
      this.#deps.logger.info({ job, round: event.round, seconds }, 'round closed');
    }
    if (event.type === 'site.failed')
      this.#deps.logger.warn({ job, site: event.site, round: event.round, ...event.error }, 'site failed');
    this.bell.ring();
  }

  async #finish(final: RunHistory): Promise<void> {
    await this.#gate.shut();
    try {
      this.#stop.signal.throwIfAborted();
      await this.#writeResults(final);
    } catch (error) {
      this.#gate.open();
      throw error;
    }
  }

  async #writeResults(history: RunHistory): Promise<void> {
    await writeJobResults({
      record: this.record,
      job: this.job.value,
      sites: this.offers.tookPart(),
      history,
      journal: this.#journal,
      folder: this.#deps.folder,
      files: this.#files,
    });
    const files = await writtenFiles(this.#deps.folder, history);
    const outcome = outcomeOf(history, this.offers.accepted(), this.traffic.sum());
    await this.#change({ outcome: { ...outcome, files } });
  }

  async #fail(error: NeuroflareError, status: JobStatus): Promise<void> {
    const { folder, logger } = this.#deps;
    try {
      const history = await historyOf(this.#journal, this.job.definition.workflow);
      await this.#writeResults(history);
      await keepToGoOn(folder, { history, record: this.record });
    } catch (lost) {
      logger.error({ job: this.record.id, reason: String(lost) }, 'the results could not be written');
    }
    await this.#end(status, error);
  }

  async #end(status: JobStatus, error?: NeuroflareError): Promise<void> {
    const ended = new Date().toISOString();
    const change = { status, ended, ...(error && { error: error.report() }) };
    await this.#untilMended(() => this.#change(change), this.#leave.signal);
  }

  async #change(change: JobChange): Promise<void> {
    await this.#deps.store.changeJob(this.record.id, change);
    this.record = { ...this.record, ...change };
    this.trouble = undefined;
    if (change.status) {
      faultPoint(`job:${change.status}`);
      this.#deps.onStatus(this);
    }
    this.bell.ring();
  }
}
