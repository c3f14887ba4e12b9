import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineSetup, TaskMessage } from '../executor/messages.ts';
import type { Intake } from '../federation/intake/intake.ts';
import { atNextRing, Bell } from '../kernel/bell.ts';
import { type ErrorReport, flError, type NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { SitePolicy } from '../security/policy/site-policy.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import { fitReport } from '../wire/shapes.ts';
import type { AssignedJob, AssignedTask, JobOffer, SitePhase } from '../wire/site.ts';
import { admit } from './admission.ts';
import { endAttempts } from './attempts.ts';
import type { SiteJobFolder } from './client-folder.ts';
import type { SiteRules } from './decide.ts';
import { JobLog } from './job-log.ts';
import { clearOutbox, type Outbox, writeOutbox } from './outbox.ts';
import { textsOf } from './outgoing.ts';
import { finishedAnswer, sendAnswer } from './send-answer.ts';
import type { ServerLink } from './server-link.ts';
import type { Slots } from './slots.ts';
import { TaskReporter } from './task-reporter.ts';
import { TaskRunner, taskKey } from './task-runner.ts';
import { whenRoom } from './when-room.ts';

export interface SiteJobDeps {
  readonly site: string;
  readonly folder: SiteJobFolder;
  readonly link: ServerLink;
  readonly slots: Slots;
  /** Where what others submitted is opened. */
  readonly intake: Intake;
  readonly engine: EngineSetup;
  /** Folder of this site's data. */
  readonly data: string | undefined;
  /** Most bytes of a job's log at this site. */
  readonly logBytes: number;
  /** Read anew for every decision: policy and approvals may change while the client runs. */
  readonly rules: () => Promise<SiteRules>;
  /** Read anew for everything that leaves. */
  readonly policy: () => Promise<SitePolicy>;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly tell: (line: string) => void;
  /** Something to show has changed. */
  readonly onChange: () => void;
}

/** One job at this site: decides on it, does its tasks, sends what they came to, and is gone when the server says so. */
export class SiteJob {
  readonly offer: JobOffer;
  phase: SitePhase = 'offered';
  round: number | undefined;
  codeSha256: string | undefined;
  /** What of this machine keeps it from going on. */
  trouble: ErrorReport | undefined;
  /** That have come of what is being fetched, each counted once: the sender does not see what waits on the line. */
  bytes = 0;
  readonly #deps: SiteJobDeps;
  readonly #stop = new AbortController();
  readonly #bell = new Bell();
  readonly #log: JobLog;
  #wanted: { readonly task: AssignedTask | undefined; readonly askedAt: number };
  #answered: { readonly key: string; readonly at: number } | undefined;
  #working: { readonly key: string; readonly cancel: AbortController } | undefined;
  #known: ReadonlySet<string> = new Set();
  #done: Promise<void> = Promise.resolve();

  constructor(assigned: AssignedJob, { askedAt }: { askedAt: number }, deps: SiteJobDeps) {
    this.offer = assigned.offer;
    this.#deps = deps;
    this.#wanted = { task: assigned.task, askedAt };
    const { job_id: id } = assigned.offer;
    this.#log = new JobLog(
      deps.folder.log,
      // Asked for every message: what is not let out then is gone for the server, not for the site.
      async (lines) => {
        if ((await deps.policy()).send_logs) await deps.link.sendLog(id, { lines });
      },
      deps.logBytes,
    );
    this.#log.level = assigned.log_level;
  }

  start(): void {
    this.#done = this.#run().catch((thrown: unknown) => {
      if (this.#stop.signal.aborted) return;
      const error = toNeuroflareError(thrown);
      this.#deps.logger.error({ job: this.offer.job_id, ...error.report() }, 'the job ended here');
      this.#deps.tell(`${this.offer.name}: ${error.code}: ${error.message}`);
      // Nothing goes on here any more: who waits for this job must not take it for running.
      this.#setPhase('idle');
    });
  }

  /** What the server wants now. @param askedAt when it was asked, of the monotonic clock in milliseconds */
  assign({ task, log_level: level }: AssignedJob, askedAt: number): void {
    this.#wanted = { task, askedAt };
    this.#log.level = level;
    if (this.#working && this.#working.key !== keyOf(task)) this.#working.cancel.abort(cancelled());
    this.#bell.ring();
  }

  /** Ends the job's process and forgets its files but the log; with `keep` they stay for the next start. */
  async stop({ keep }: { keep: boolean }): Promise<void> {
    this.#stop.abort(cancelled());
    await this.#done;
    await this.#log.close();
    if (keep) return;
    const { folder } = this.#deps;
    const names = await readdir(folder.root).catch(() => []);
    const gone = names.filter((name) => join(folder.root, name) !== folder.log);
    await Promise.all(gone.map((name) => rm(join(folder.root, name), { recursive: true, force: true })));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { site, folder, engine, data } = this.#deps;
    const offered = await admit(this.offer, {
      ...this.#deps,
      onOpened: (codeSha256) => {
        this.codeSha256 = codeSha256;
      },
      onDecision: ({ answer }) => this.#setPhase(answer === 'accepted' ? 'idle' : answer),
      onTrouble: (error) => this.#setTrouble(error),
      signal,
    });
    if (!offered) return;
    this.#known = textsOf(offered.job);
    const { policy } = await this.#deps.rules();
    const runner = new TaskRunner({
      site,
      job: offered.job,
      bundleSha256: offered.bundle.sha256,
      folder,
      engine,
      data,
      log: this.#log,
      policy,
    });
    try {
      for (;;) {
        signal.throwIfAborted();
        const task = this.#nextTask();
        if (task) await this.#do(task, runner);
        else await this.#bell.wait(60, { isNews: atNextRing(), signal });
      }
    } finally {
      await runner.close();
    }
  }

  /** The task the server wants and has no answer to. */
  #nextTask(): AssignedTask | undefined {
    const { task, askedAt } = this.#wanted;
    // An answer of before the acknowledgement still names the task.
    const isOld = this.#answered?.key === keyOf(task) && askedAt < this.#answered.at;
    return isOld ? undefined : task;
  }

  async #do(task: AssignedTask, runner: TaskRunner): Promise<void> {
    const { folder } = this.#deps;
    const cancel = new AbortController();
    this.#working = { key: keyOf(task), cancel };
    this.round = task.round;
    const signal = AbortSignal.any([cancel.signal, this.#stop.signal]);
    try {
      const outbox = (await finishedAnswer(folder, task)) ?? (await this.#compute(task, { runner, signal }));
      this.#setTrouble(undefined);
      this.#setPhase('uploading');
      const job = { job: this.offer.job_id, log: this.#log, known: this.#known };
      await sendAnswer(outbox, { ...this.#deps, ...job, signal, stop: this.#stop.signal });
      this.#answered = { key: keyOf(task), at: performance.now() };
      this.#setPhase('answered');
    } catch (thrown) {
      this.#stop.signal.throwIfAborted();
      if (cancel.signal.aborted) await this.#takeBack(task);
      else await this.#cannot(task, toNeuroflareError(thrown));
    } finally {
      this.#working = undefined;
    }
  }

  async #takeBack({ round }: AssignedTask): Promise<void> {
    const { folder } = this.#deps;
    this.#log.write('info', `round ${round}: the task was taken back`);
    await clearOutbox(folder);
    await endAttempts(folder);
    this.#setPhase('idle');
  }

  /** What keeps the client itself from a task is said as the task's failure: the round must not wait for a job that stands still. */
  async #cannot(task: AssignedTask, error: NeuroflareError): Promise<void> {
    const { link, logger, site } = this.#deps;
    const { job_id: job } = this.offer;
    const { round } = task;
    logger.error({ job, round, ...error.report() }, 'the client cannot do its task');
    this.#log.write('error', `round ${round}: ${error.code}: ${error.message}`);
    const report = fitReport({ ...error.report(), place: { ...error.place, site, round } });
    this.#setPhase('uploading');
    await link
      .sendFailure(job, { round, attempt: 1, error: report }, this.#stop.signal)
      .catch((thrown: unknown) => {
        this.#stop.signal.throwIfAborted();
        logger.warn({ job, round, ...toNeuroflareError(thrown).report() }, 'the failure was refused');
      });
    this.#answered = { key: keyOf(task), at: performance.now() };
    this.#setPhase('answered');
  }

  async #compute(
    task: AssignedTask,
    { runner, signal }: { runner: TaskRunner; signal: AbortSignal },
  ): Promise<Outbox> {
    const { link, slots, logger, audit, site } = this.#deps;
    const { job_id: job } = this.offer;
    await this.#fetchModel(task, signal);
    this.#setPhase('queued');
    const release = await slots.take(signal);
    try {
      this.#setPhase('running');
      const { round, kind } = task;
      logger.info({ job, round, kind }, 'task begins');
      await audit.append({
        actor: site,
        action: `task.${kind}`,
        job,
        site,
        outcome: 'done',
        detail: `round ${round}`,
      });
      const reporter = new TaskReporter(link, { job, round });
      const onMessage = (message: TaskMessage) => reporter.hear(message);
      const outbox = await runner.run(task, { signal, onMessage });
      await reporter.close();
      await this.#keepAnswer(outbox, signal);
      faultPoint('client:outbox');
      return outbox;
    } finally {
      release();
    }
  }

  /** Without room for it the answer waits: what was computed is not computed again. */
  async #keepAnswer(outbox: Outbox, signal: AbortSignal): Promise<void> {
    this.#setPhase('uploading');
    const onTrouble = (error: NeuroflareError | undefined) => this.#setTrouble(error);
    await whenRoom(() => writeOutbox(this.#deps.folder, outbox), { onTrouble, signal });
  }

  async #fetchModel({ model }: AssignedTask, signal: AbortSignal): Promise<void> {
    const { folder, link } = this.#deps;
    const target = folder.model(model.sha256);
    if (await stat(target).catch(() => undefined)) return;
    this.#setPhase('downloading');
    const others = await readdir(join(folder.root, 'models')).catch(() => []);
    const old = others.filter((name) => !name.startsWith(model.sha256));
    const path = `/v1/site/jobs/${this.offer.job_id}/models/${model.sha256}`;
    let most = 0;
    const onReached = (bytes: number) => {
      this.bytes += Math.max(0, bytes - most);
      most = Math.max(most, bytes);
    };
    const onTrouble = (error: NeuroflareError | undefined) => this.#setTrouble(error);
    // Freeing the room of a large model takes time, in which the new one can begin to come.
    const freed = Promise.allSettled(old.map((name) => rm(folder.model(name), { force: true })));
    await link.fetch(path, { target, ...model, onReached, onTrouble }, signal).finally(() => freed);
    faultPoint('client:model');
  }

  /** What of this machine keeps the job from going on: told here once when it begins, and the server as long as it lasts. */
  #setTrouble(error: NeuroflareError | undefined): void {
    const { tell, logger, site } = this.#deps;
    const { name, job_id: job } = this.offer;
    if (error?.message !== this.trouble?.message) {
      tell(error ? `${name} waits for this machine: ${error.message}` : `${name} goes on.`);
      if (error) logger.error({ job, ...error.report() }, 'the job waits for this machine');
    }
    this.trouble = error && fitReport({ ...error.report(), place: { ...error.place, site } });
  }

  #setPhase(phase: SitePhase): void {
    this.phase = phase;
    this.#deps.onChange();
  }
}

function keyOf(task: AssignedTask | undefined): string {
  return task ? taskKey(task) : '';
}

function cancelled() {
  return flError('NF_INTERRUPTED', { signal: 'the server', hint: '' });
}
