import { partsOfTask } from '../../../algorithms/task.ts';
import { type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { atNextRing, Bell } from '../../../base/threads/bell.ts';
import type { Slots } from '../../../base/threads/slots.ts';
import { networkTasksOf } from '../../../job/secure-tasks.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { AuditLog } from '../../../security/logs/audit-log.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import { isBudgetStop, type JobBudget } from '../budget/job-budget.ts';
import { requireInputForms, requireSignedTask, type TaskLimits } from '../consent/signed-task.ts';
import type { JobStanding } from '../job-standing.ts';
import { failureOf } from '../ledger/outgoing.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { JobMemory } from '../memory/job-memory.ts';
import type { ServerLink } from '../server-link.ts';
import { stoppedByServer } from '../stopped-by-server.ts';
import { endAttempts } from './attempts.ts';
import { clearOutbox, type Outbox, writeOutbox } from './outbox.ts';
import { type AnswerDeps, finishedAnswer, sendAnswer, sendFailure } from './send-answer.ts';
import { taskKey } from './site-task.ts';
import { TaskInputs, type TaskInputsOptions } from './task-inputs.ts';
import { TaskReporter } from './task-reporter.ts';
import type { TaskRunner } from './task-runner.ts';
import { answerText, stageOf } from './task-text.ts';
import { whenRoom } from './when-room.ts';

export interface JobTasksDeps {
  /** Id of the job. */
  readonly job: string;
  readonly site: string;
  readonly folder: SiteJobFolder;
  readonly link: TaskInputsOptions['link'] & AnswerDeps['link'] & Pick<ServerLink, 'report'>;
  readonly slots: Slots;
  readonly memory: Pick<JobMemory, 'lastTask' | 'begin'>;
  readonly logger: Logger;
  readonly audit: Pick<AuditLog, 'append'>;
  /** Read anew for everything that leaves. */
  readonly policy: () => Promise<SitePolicy>;
  readonly standing: JobStanding;
  /** The server, or the site, ends the job. */
  readonly halt: AbortSignal;
}

/** With what a job's tasks are done, once the site has taken it. */
export interface TaskTools {
  readonly runner: Pick<TaskRunner, 'run'>;
  readonly limits: TaskLimits;
  /** Texts of the job file. */
  readonly known: ReadonlySet<string>;
  /** Of a private job. */
  readonly budget?: JobBudget | undefined;
}

/** The tasks of one job at this site, one after another: fetched, done, and sent until the server has said what became of them. */
export class JobTasks {
  readonly #deps: JobTasksDeps;
  readonly #standing: JobStanding;
  readonly #inputs: TaskInputs;
  readonly #bell = new Bell();
  #wanted: { readonly task: AssignedTask | undefined; readonly askedAt: number };
  #answered: { readonly key: string; readonly at: number } | undefined;
  /** The task of which the server takes nothing. */
  #over: string | undefined;
  #working: { readonly key: string; readonly cancel: AbortController } | undefined;

  constructor(deps: JobTasksDeps) {
    const { standing } = deps;
    this.#deps = deps;
    this.#standing = standing;
    this.#wanted = { task: undefined, askedAt: 0 };
    this.#inputs = new TaskInputs({
      ...deps,
      tell: (trouble) => standing.note(trouble),
      onTrouble: (error) => standing.setTrouble(error),
      onDownload: () => standing.setPhase('downloading'),
      onBytes: (bytes) => standing.fetched(bytes),
    });
  }

  /** What the server wants now. @param askedAt when it was asked, of the monotonic clock in milliseconds */
  want(task: AssignedTask | undefined, askedAt: number): void {
    this.#wanted = { task, askedAt };
    if (this.#working && this.#working.key !== taskKey(task)) this.#working.cancel.abort(stoppedByServer());
    this.#bell.ring();
  }

  /** Until the server or the site ends the job: rejects then with the reason. */
  async run(tools: TaskTools): Promise<never> {
    const { halt } = this.#deps;
    for (;;) {
      halt.throwIfAborted();
      const task = this.#nextTask();
      if (task) await this.#do(task, tools);
      else await this.#bell.wait(60, { isNews: atNextRing(), signal: halt });
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
    this.#standing.task = task.id;
    const signal = AbortSignal.any([cancel.signal, this.#deps.halt]);
    try {
      const known = await finishedAnswer(folder, task, (trouble) => this.#standing.note(trouble));
      const made = known ?? (await this.#answer(task, { ...tools, signal }));
      const keep = (outbox: Outbox) => this.#keepAnswer(outbox, signal);
      const outbox = tools.budget ? await tools.budget.charge(made, keep) : made;
      this.#standing.setTrouble(undefined);
      this.#standing.setPhase('uploading');
      const tasks = networkTasksOf(tools.limits.job);
      const isPrivate = tools.limits.job.privacy !== undefined;
      const job = { log: this.#standing.log, known: tools.known, isPrivate, tasks };
      this.#ended(task, await sendAnswer(outbox, { ...this.#deps, ...job, signal, stop: this.#deps.halt }));
    } catch (thrown) {
      this.#deps.halt.throwIfAborted();
      // The site ends the job: no task of it has failed.
      if (isBudgetStop(thrown)) throw thrown;
      if (cancel.signal.aborted) await this.#takeBack(task, tools);
      else await this.#cannot(task, tools, toNeuroflareError(thrown));
    } finally {
      this.#working = undefined;
    }
  }

  async #takeBack(task: AssignedTask, { budget }: TaskTools): Promise<void> {
    const { folder } = this.#deps;
    this.#standing.log.write('info', `${stageOf(task)}: the task was taken back`);
    await clearOutbox(folder);
    await endAttempts(folder);
    await budget?.release('the task was taken back');
    this.#standing.setPhase('idle');
  }

  /** What keeps the client itself from a task is said as the task's failure: the round must not wait for a job that stands still. */
  async #cannot(
    task: AssignedTask,
    { known, limits, budget }: TaskTools,
    error: NeuroflareError,
  ): Promise<void> {
    const { link, logger, site, folder, job } = this.#deps;
    const { round } = partsOfTask(task.id);
    logger.error({ job, task: task.id, ...error.report() }, 'the client cannot do its task');
    this.#standing.tell(`${stageOf(task)} failed here: ${error.code}: ${error.message}`);
    this.#standing.log.write('error', `${stageOf(task)}: ${error.code}: ${error.message}`);
    const isPrivate = limits.job.privacy !== undefined;
    const rules = { policy: await this.#deps.policy(), known, folder, site, isPrivate, tasks: {} };
    const report = failureOf({ ...error.report(), place: { ...error.place, site, round } }, rules);
    this.#standing.setPhase('uploading');
    const deps = { site, link, logger, job, stop: this.#deps.halt };
    const failure = { task: task.id, attempt: 1, error: report };
    await budget?.chargeFailure(failure);
    this.#ended(task, await sendFailure(failure, deps));
  }

  /** One whose answer and failure were both refused is over here: the same work would be refused again. */
  #ended(task: AssignedTask, isTaken: boolean): void {
    if (!isTaken) this.#over = taskKey(task);
    this.#answered = { key: taskKey(task), at: performance.now() };
    this.#standing.setPhase('answered');
  }

  /** What the task came to. One that is not of the signed job is not done. */
  async #answer(task: AssignedTask, tools: TaskTools & { signal: AbortSignal }): Promise<Outbox> {
    const { memory, audit, site, folder } = this.#deps;
    const { limits, signal } = tools;
    try {
      requireSignedTask(task, limits, { last: memory.lastTask(this.#deps.job) });
      await this.#inputs.fetch(task, signal);
      await requireInputForms(task, { ...limits, folder });
    } catch (thrown) {
      signal.throwIfAborted();
      const { code } = toNeuroflareError(thrown);
      const deed = { actor: site, action: `task.${partsOfTask(task.id).name}`, job: this.#deps.job, site };
      await audit.append({ ...deed, outcome: 'refused', detail: code });
      throw thrown;
    }
    if (!(await memory.begin(this.#deps.job, task)))
      this.#standing.log.write('warn', `${stageOf(task)}: begun before, and no answer is here: done again`);
    return this.#compute(task, tools);
  }

  async #compute(
    task: AssignedTask,
    { runner, signal, budget }: TaskTools & { signal: AbortSignal },
  ): Promise<Outbox> {
    const { link, slots, logger, audit, site, job } = this.#deps;
    this.#standing.setPhase('queued');
    const release = await slots.take(signal);
    try {
      const reservation = await budget?.reserve(task);
      this.#standing.setPhase('running');
      const { name, round } = partsOfTask(task.id);
      logger.info({ job, task: task.id }, 'task begins');
      this.#standing.tell(`${stageOf(task)} begins`);
      await audit.append({
        actor: site,
        action: `task.${name}`,
        job,
        site,
        outcome: 'done',
        detail: `round ${round}`,
      });
      const reporter = new TaskReporter(link, { job, task: task.id });
      const answer = await runner.run(task, { signal, emit: (event) => reporter.receive(event) });
      const outbox = reservation === undefined ? answer : { ...answer, reservation };
      this.#standing.tell(`${stageOf(task)} ${answerText(outbox)}`);
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
    this.#standing.setPhase('uploading');
    const onTrouble = (error: NeuroflareError | undefined) => this.#standing.setTrouble(error);
    await whenRoom(() => writeOutbox(this.#deps.folder, outbox), { onTrouble, signal });
  }
}
