import {
  type ErrorReport,
  flError,
  type NeuroflareError,
  toNeuroflareError,
} from '../../base/errors/errors.ts';
import { faultPoint } from '../../base/errors/fault-point.ts';
import type { Logger } from '../../base/logging/logger.ts';
import { atNextRing, Bell } from '../../base/threads/bell.ts';
import type { Intake } from '../../federation/intake/intake.ts';
import { tasksOf } from '../../federation/registry.ts';
import { fitReport } from '../../network/messages/fit-report.ts';
import type { AssignedJob, AssignedTask, Decision, SitePhase } from '../../network/messages/site.ts';
import { partsOfTask } from '../../run/task.ts';
import type { AuditLog } from '../../security/logs/audit-log.ts';
import type { RepeatedDeeds } from '../../security/logs/repeated-deeds.ts';
import type { SitePolicy } from '../../security/policy/site-policy.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import type { FilterMeans } from '../../site/filters/filter.ts';
import { admit, type KnownJob, say, shownName } from './consent/admission.ts';
import { decide, type Offered, refusal, type SiteRules } from './consent/decide.ts';
import { limitsOf, requireInputForms, requireSignedTask, type TaskLimits } from './consent/signed-task.ts';
import { failureOf, textsOf } from './ledger/outgoing.ts';
import { clearJob } from './memory/clear-job.ts';
import type { SiteJobFolder } from './memory/client-folder.ts';
import { JobLog } from './memory/job-log.ts';
import type { JobMemory } from './memory/job-memory.ts';
import type { ServerLink } from './server-link.ts';
import { stoppedByServer } from './stopped-by-server.ts';
import { endAttempts } from './tasks/attempts.ts';
import { clearOutbox, type Outbox, writeOutbox } from './tasks/outbox.ts';
import { finishedAnswer, sendAnswer, sendFailure } from './tasks/send-answer.ts';
import { taskKey } from './tasks/site-task.ts';
import type { Slots } from './tasks/slots.ts';
import { TaskInputs } from './tasks/task-inputs.ts';
import { TaskReporter } from './tasks/task-reporter.ts';
import { TaskRunner } from './tasks/task-runner.ts';
import { answerText, stageOf } from './tasks/task-text.ts';
import { whenRoom } from './tasks/when-room.ts';

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
  /** The site's own, for filters of answers. */
  readonly means: FilterMeans;
  readonly memory: JobMemory;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly refusals: RepeatedDeeds;
  readonly tell: (line: string) => void;
  /** Something to show has changed. */
  readonly onChange: () => void;
}

interface TaskTools {
  readonly runner: TaskRunner;
  readonly limits: TaskLimits;
}

/** One job at this site: decides on it, does its tasks, sends what they came to, and is gone when the server says so. */
export class SiteJob {
  readonly id: string;
  /** How often the server says it was resumed. */
  readonly resume: number | undefined;
  phase: SitePhase = 'offered';
  /** Id of the task that was begun last. */
  task: string | undefined;
  /** Whose it is and what is in it; undefined until its signature was checked. */
  known: KnownJob | undefined;
  /** What of this machine keeps it from going on. */
  trouble: ErrorReport | undefined;
  /** That have come of what is being fetched, each counted once: the sender does not see what waits on the line. */
  bytes = 0;
  readonly #deps: SiteJobDeps;
  readonly #stop = new AbortController();
  /** The site has taken the job back. */
  readonly #withdrawn = new AbortController();
  /** Either of them. */
  readonly #halt = AbortSignal.any([this.#stop.signal, this.#withdrawn.signal]);
  readonly #bell = new Bell();
  readonly #log: JobLog;
  #wanted: { readonly task: AssignedTask | undefined; readonly askedAt: number };
  #answered: { readonly key: string; readonly at: number } | undefined;
  /** The task of which the server takes nothing. */
  #over: string | undefined;
  #working: { readonly key: string; readonly cancel: AbortController } | undefined;
  #known: ReadonlySet<string> = new Set();
  readonly #inputs: TaskInputs;
  #done: Promise<void> = Promise.resolve();
  /** The job while the site does its tasks. */
  #running: Offered | undefined;
  /** Why the site has taken it back. */
  #refusal: Decision | undefined;

  constructor(assigned: AssignedJob, { askedAt }: { askedAt: number }, deps: SiteJobDeps) {
    const { job_id: id, resume } = assigned;
    this.id = id;
    this.resume = resume;
    this.#deps = deps;
    this.#wanted = { task: assigned.task, askedAt };
    this.#inputs = new TaskInputs({
      ...deps,
      job: id,
      tell: (trouble) => this.#note(trouble),
      onTrouble: (error) => this.#setTrouble(error),
      onDownload: () => this.#setPhase('downloading'),
      onBytes: (bytes) => {
        this.bytes += bytes;
      },
    });
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

  /** @param after what must be over before: an earlier job of this id that is being cleared away */
  start(after: Promise<void> = Promise.resolve()): void {
    this.#done = after
      .then(() => this.#run())
      .catch((thrown: unknown) => {
        if (this.#stop.signal.aborted) return;
        const error = toNeuroflareError(thrown);
        this.#deps.logger.error({ job: this.id, ...error.report() }, 'the job ended here');
        this.#deps.tell(`job ${this.id}: ${error.code}: ${error.message}`);
        // Nothing goes on here any more: who waits for this job must not take it for running.
        this.#setPhase('idle');
      });
  }

  /** What the server wants now. @param askedAt when it was asked, of the monotonic clock in milliseconds */
  assign({ task, log_level: level }: AssignedJob, askedAt: number): void {
    this.#wanted = { task, askedAt };
    this.#log.level = level;
    if (this.#working && this.#working.key !== taskKey(task)) this.#working.cancel.abort(stoppedByServer());
    this.#bell.ring();
  }

  /** Ends the job's process and forgets its files but the log, and what its script keeps; with `keep` they stay for the next start. */
  async stop({ keep }: { keep: boolean }): Promise<void> {
    this.#stop.abort(stoppedByServer());
    await this.#done;
    await this.#log.close();
    if (!keep) await clearJob(this.#deps.folder);
  }

  /** Looks again whether the job may run here, after somebody has changed what the site allows. */
  async reconsider(rules: SiteRules): Promise<void> {
    const offered = this.#running;
    if (!offered) return;
    const decision = await decide(offered, rules);
    if (decision.answer === 'accepted' || this.#halt.aborted) return;
    const code = offered.bundle.codeSha256;
    const reason =
      decision.answer === 'refused' ? decision.reason : flError('NF_SITE_WITHDRAWN', { code }).report();
    await this.#deps.memory.end(this.id, reason?.message ?? 'the site took it back');
    this.#refusal = { answer: 'refused', ...(reason && { reason }) };
    this.#withdrawn.abort(stoppedByServer());
  }

  async #run(): Promise<void> {
    const { memory, logger } = this.#deps;
    const deps = this.#admission();
    const offered = await admit(this.id, deps);
    if (!offered) return;
    const { terms } = offered.signed;
    try {
      await memory.take(this.id, terms.version === 2 ? terms : {});
      this.#running = offered;
      this.#known = textsOf(offered.job);
      await this.#work(offered);
    } catch (thrown) {
      this.#stop.signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (!this.#refusal) logger.error({ job: this.id, ...error.report() }, 'the job cannot go on here');
      await clearOutbox(this.#deps.folder);
      // It was accepted: who waits for this site is told, whatever has come between.
      await say(this.id, this.#refusal ?? refusal(error), deps);
    } finally {
      this.#running = undefined;
    }
  }

  #admission() {
    const onDecision = ({ answer }: Decision) => this.#setPhase(answer === 'accepted' ? 'idle' : answer);
    const onKnown = (known: KnownJob) => {
      this.known = known;
      this.#deps.onChange();
    };
    const onTrouble = (error: NeuroflareError | undefined) => this.#setTrouble(error);
    const { signal } = this.#stop;
    return { ...this.#deps, onKnown, known: () => this.known, onDecision, onTrouble, signal };
  }

  /** Until the server or the site ends it. */
  async #work(offered: Offered): Promise<void> {
    const { policy } = await this.#deps.rules();
    const runner = new TaskRunner({
      ...this.#deps,
      job: offered.job,
      bundleSha256: offered.bundle.sha256,
      log: this.#log,
      policy,
      // Read anew, and never less than it says: a policy that cannot be read fails the task.
      ownFilters: async () => (await this.#deps.rules()).policy.task_result_filters,
    });
    const limits = await limitsOf(offered, this.#deps);
    try {
      for (;;) {
        this.#halt.throwIfAborted();
        const task = this.#nextTask();
        if (task) await this.#do(task, { runner, limits });
        else await this.#bell.wait(60, { isNews: atNextRing(), signal: this.#halt });
      }
    } finally {
      await runner.close();
    }
  }

  /** The task the server wants and has no answer to. */
  #nextTask(): AssignedTask | undefined {
    const { task, askedAt } = this.#wanted;
    // An answer of before the acknowledgement still names the task.
    const isOld = this.#answered?.key === taskKey(task) && askedAt < this.#answered.at;
    return isOld || this.#over === taskKey(task) ? undefined : task;
  }

  async #do(task: AssignedTask, tools: TaskTools): Promise<void> {
    const { folder } = this.#deps;
    const cancel = new AbortController();
    this.#working = { key: taskKey(task), cancel };
    this.task = task.id;
    const signal = AbortSignal.any([cancel.signal, this.#halt]);
    try {
      const known = await finishedAnswer(folder, task, (trouble) => this.#note(trouble));
      const outbox = known ?? (await this.#answer(task, { ...tools, signal }));
      this.#setTrouble(undefined);
      this.#setPhase('uploading');
      const tasks = tasksOf(tools.limits.job.workflow.type);
      const job = { job: this.id, log: this.#log, known: this.#known, tasks };
      this.#ended(task, await sendAnswer(outbox, { ...this.#deps, ...job, signal, stop: this.#halt }));
    } catch (thrown) {
      this.#halt.throwIfAborted();
      if (cancel.signal.aborted) await this.#takeBack(task);
      else await this.#cannot(task, toNeuroflareError(thrown));
    } finally {
      this.#working = undefined;
    }
  }

  async #takeBack(task: AssignedTask): Promise<void> {
    const { folder } = this.#deps;
    this.#log.write('info', `${stageOf(task)}: the task was taken back`);
    await clearOutbox(folder);
    await endAttempts(folder);
    this.#setPhase('idle');
  }

  /** What keeps the client itself from a task is said as the task's failure: the round must not wait for a job that stands still. */
  async #cannot(task: AssignedTask, error: NeuroflareError): Promise<void> {
    const { link, logger, site, folder } = this.#deps;
    const { id: job } = this;
    const { round } = partsOfTask(task.id);
    logger.error({ job, task: task.id, ...error.report() }, 'the client cannot do its task');
    this.#tell(`${stageOf(task)} failed here: ${error.code}: ${error.message}`);
    this.#log.write('error', `${stageOf(task)}: ${error.code}: ${error.message}`);
    const rules = { policy: await this.#deps.policy(), known: this.#known, folder, site, tasks: {} };
    const report = failureOf({ ...error.report(), place: { ...error.place, site, round } }, rules);
    this.#setPhase('uploading');
    const deps = { site, link, logger, job, stop: this.#halt };
    this.#ended(task, await sendFailure({ task: task.id, attempt: 1, error: report }, deps));
  }

  /** One whose answer and failure were both refused is over here: the same work would be refused again. */
  #ended(task: AssignedTask, isTaken: boolean): void {
    if (!isTaken) this.#over = taskKey(task);
    this.#answered = { key: taskKey(task), at: performance.now() };
    this.#setPhase('answered');
  }

  /** What the task came to. One that is not of the signed job is not done. */
  async #answer(task: AssignedTask, tools: TaskTools & { signal: AbortSignal }): Promise<Outbox> {
    const { memory, audit, site, folder } = this.#deps;
    const { limits, signal } = tools;
    try {
      requireSignedTask(task, limits, { last: memory.lastTask(this.id) });
      await this.#inputs.fetch(task, signal);
      await requireInputForms(task, { ...limits, folder });
    } catch (thrown) {
      signal.throwIfAborted();
      const { code } = toNeuroflareError(thrown);
      const deed = { actor: site, action: `task.${partsOfTask(task.id).name}`, job: this.id, site };
      await audit.append({ ...deed, outcome: 'refused', detail: code });
      throw thrown;
    }
    if (!(await memory.begin(this.id, task)))
      this.#log.write('warn', `${stageOf(task)}: begun before, and no answer is here: done again`);
    return this.#compute(task, tools);
  }

  async #compute(
    task: AssignedTask,
    { runner, signal }: TaskTools & { signal: AbortSignal },
  ): Promise<Outbox> {
    const { link, slots, logger, audit, site } = this.#deps;
    const { id: job } = this;
    this.#setPhase('queued');
    const release = await slots.take(signal);
    try {
      this.#setPhase('running');
      const { name, round } = partsOfTask(task.id);
      logger.info({ job, task: task.id }, 'task begins');
      this.#tell(`${stageOf(task)} begins`);
      await audit.append({
        actor: site,
        action: `task.${name}`,
        job,
        site,
        outcome: 'done',
        detail: `round ${round}`,
      });
      const reporter = new TaskReporter(link, { job, task: task.id });
      const outbox = await runner.run(task, { signal, emit: (event) => reporter.receive(event) });
      this.#tell(`${stageOf(task)} ${answerText(outbox)}`);
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

  /** Something kept here cannot be used: told where the job's lines stand, and to whoever runs the client. */
  #note(trouble: NeuroflareError): void {
    const { tell, logger } = this.#deps;
    const words = `${trouble.code}: ${trouble.message} ${trouble.hint}`;
    logger.warn({ job: this.id, ...trouble.report() }, 'a file of the job cannot be used');
    this.#log.write('warn', words);
    tell(`${shownName(this.id, this.known)}: ${words}`);
  }

  /** What of this machine keeps the job from going on: told here once when it begins, and the server as long as it lasts. */
  #setTrouble(error: NeuroflareError | undefined): void {
    const { tell, logger, site } = this.#deps;
    const { id: job } = this;
    const name = shownName(job, this.known);
    if (error?.message !== this.trouble?.message) {
      tell(error ? `${name} waits for this machine: ${error.message}` : `${name} goes on.`);
      if (error) logger.error({ job, ...error.report() }, 'the job waits for this machine');
    }
    this.trouble = error && fitReport({ ...error.report(), place: { ...error.place, site } });
  }

  /** For people at the site. */
  #tell(what: string): void {
    this.#deps.tell(`${shownName(this.id, this.known)}: ${what}`);
  }

  #setPhase(phase: SitePhase): void {
    this.phase = phase;
    this.#deps.onChange();
  }
}
