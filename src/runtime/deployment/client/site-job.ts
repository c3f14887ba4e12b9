import { flError, type NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import type { Logger } from '../../base/logging/logger.ts';
import type { Slots } from '../../base/threads/slots.ts';
import type { Intake } from '../../federation/intake/intake.ts';
import type { Signer } from '../../masking/session/site-side.ts';
import type { AssignedJob, Decision } from '../../network/messages/site.ts';
import type { AuditLog } from '../../security/logs/audit-log.ts';
import type { RepeatedDeeds } from '../../security/logs/repeated-deeds.ts';
import type { SitePolicy } from '../../security/policy/site-policy.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import type { FilterMeans } from '../../site/filters/filter.ts';
import { isBudgetStop, type JobBudget } from './budget/job-budget.ts';
import type { SitePrivacy } from './budget/site-privacy.ts';
import { type AdmissionDeps, admit, say } from './consent/admission.ts';
import { decide, type Offered, refusal, type SiteRules } from './consent/decide.ts';
import { limitsOf } from './consent/signed-task.ts';
import { JobStanding } from './job-standing.ts';
import { textsOf } from './ledger/outgoing.ts';
import { MaskedTasks, type MaskedTasksOptions, type PeerCheck } from './masked/masked-tasks.ts';
import { clearJob } from './memory/clear-job.ts';
import type { SiteJobFolder } from './memory/client-folder.ts';
import { JobLog } from './memory/job-log.ts';
import type { JobMemory } from './memory/job-memory.ts';
import type { ServerLink } from './server-link.ts';
import { stoppedByServer } from './stopped-by-server.ts';
import { JobTasks } from './tasks/job-tasks.ts';
import { clearOutbox } from './tasks/outbox.ts';
import { TaskRunner } from './tasks/task-runner.ts';

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
  /** What private jobs may spend here. */
  readonly privacy: SitePrivacy;
  /** The site's word, for its peers in a sum in secret. */
  readonly signer: () => Signer;
  /** Whose word counts here. */
  readonly peers: () => Promise<PeerCheck>;
  readonly memory: JobMemory;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly refusals: RepeatedDeeds;
  readonly tell: (line: string) => void;
  /** Something to show has changed. */
  readonly onChange: () => void;
}

/** One job at this site: decides on it, has its tasks done, and is gone when the server says so. */
export class SiteJob {
  readonly id: string;
  /** How often the server says it was resumed. */
  readonly resume: number | undefined;
  readonly standing: JobStanding;
  readonly #deps: SiteJobDeps;
  readonly #stop = new AbortController();
  /** The site has taken the job back. */
  readonly #withdrawn = new AbortController();
  /** Either of them. */
  readonly #halt = AbortSignal.any([this.#stop.signal, this.#withdrawn.signal]);
  readonly #log: JobLog;
  readonly #tasks: JobTasks;
  #done: Promise<void> = Promise.resolve();
  /** Once it was opened. */
  #offered: Offered | undefined;
  /** Of a private job, once the site has taken it. */
  #budget: JobBudget | undefined;
  /** The job while the site does its tasks. */
  #running: Offered | undefined;
  /** Why the site has taken it back. */
  #refusal: Decision | undefined;

  constructor(assigned: AssignedJob, { askedAt }: { askedAt: number }, deps: SiteJobDeps) {
    const { job_id: id, resume } = assigned;
    this.id = id;
    this.resume = resume;
    this.#deps = deps;
    this.#log = new JobLog(
      deps.folder.log,
      // Asked for every message: what is not let out then is gone for the server, not for the site.
      async (lines) => {
        // What a script prints of people is no part of any promise.
        const isPrivate = this.#offered?.job.privacy !== undefined;
        if (!isPrivate && (await deps.policy()).send_logs) await deps.link.sendLog(id, { lines });
      },
      deps.logBytes,
    );
    this.standing = new JobStanding({ ...deps, id, log: this.#log });
    this.#tasks = new JobTasks({ ...deps, job: id, standing: this.standing, halt: this.#halt });
    this.assign(assigned, askedAt);
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
        this.standing.setPhase('idle');
      });
  }

  /** What the server wants now. @param askedAt when it was asked, of the monotonic clock in milliseconds */
  assign({ task, log_level: level }: AssignedJob, askedAt: number): void {
    this.#log.level = level;
    this.#tasks.want(task, askedAt);
  }

  /** Ends the job's process and forgets its files but the log, and what its script keeps; with `keep` they stay for the next start. */
  async stop({ keep }: { keep: boolean }): Promise<void> {
    this.#stop.abort(stoppedByServer());
    await this.#done;
    await this.#log.close();
    if (!keep) await this.#budget?.release('the job is over here');
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
    this.#offered = offered;
    try {
      await memory.take(this.id, terms.version === 2 ? terms : {});
      this.#running = offered;
      await this.#work(offered);
    } catch (thrown) {
      this.#stop.signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (isBudgetStop(thrown)) await memory.end(this.id, error.message);
      else if (!this.#refusal) logger.error({ job: this.id, ...error.report() }, 'the job cannot go on here');
      await clearOutbox(this.#deps.folder);
      await this.#budget?.release('the site has ended the job');
      // It was accepted: who waits for this site is told, whatever has come between.
      await say(this.id, this.#refusal ?? refusal(error), deps);
    } finally {
      this.#running = undefined;
    }
  }

  #admission(): AdmissionDeps {
    const { standing } = this;
    return {
      ...this.#deps,
      onKnown: (known) => standing.setKnown(known),
      known: () => standing.known,
      onDecision: ({ answer }) => standing.setPhase(answer === 'accepted' ? 'idle' : answer),
      onTrouble: (error: NeuroflareError | undefined) => standing.setTrouble(error),
      signal: this.#stop.signal,
    };
  }

  /** The tasks of a job whose updates are summed up in secret. */
  #summed({ id, signed: { terms }, bundle, job }: Offered, runner: TaskRunner): Pick<TaskRunner, 'run'> {
    const { secureAggregation: secure } = job;
    if (!secure) return runner;
    const clients = (terms.version === 2 ? terms.clients : undefined) ?? undefined;
    const of = { project: terms.project, job_id: id, bundle_sha256: bundle.sha256 };
    const requireCharged: MaskedTasksOptions['requireCharged'] = (update) =>
      this.#budget?.requireCharged(update);
    return new MaskedTasks({ ...this.#deps, runner, job, secure, of, clients, requireCharged });
  }

  /** Until the server or the site ends it. */
  async #work(offered: Offered): Promise<void> {
    const { policy } = await this.#deps.rules();
    this.#budget = await this.#deps.privacy.budgetOf(offered, async () => (await this.#deps.rules()).policy);
    const runner = new TaskRunner({
      ...this.#deps,
      job: offered.job,
      ...(this.#budget && { stateKey: await this.#deps.means.secrets.key('states of private jobs') }),
      bundleSha256: offered.bundle.sha256,
      log: this.#log,
      policy,
      // Read anew, and never less than it says: a policy that cannot be read fails the task.
      ownFilters: async () => (await this.#deps.rules()).policy.task_result_filters,
      leastPeople: async () => (await this.#deps.rules()).policy.least_people,
    });
    const limits = await limitsOf(offered, this.#deps);
    try {
      const tools = { limits, known: textsOf(offered.job), budget: this.#budget };
      await this.#tasks.run({ ...tools, runner: this.#summed(offered, runner) });
    } finally {
      await runner.close();
    }
  }
}
