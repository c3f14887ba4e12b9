import { OneByOne } from '../../../base/threads/one-by-one.ts';
import { isFinished } from '../../../network/messages/admin.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { IntakeRules } from './intake-rules.ts';
import type { JobRun } from './job-run.ts';
import type { JobScheduler } from './job-scheduler.ts';
import { type ResumeRequest, resumeJob } from './resume-job.ts';
import { type TakeInDeps, takeIn } from './take-in.ts';

export interface JobIntakeDeps extends Omit<TakeInDeps, 'byId'> {
  readonly scheduler: Pick<JobScheduler, 'find' | 'settled' | 'enqueue' | 'look'>;
  /** Opens a job that was taken in. */
  readonly open: (record: JobRecord) => Promise<JobRun>;
}

/** The way in: jobs that are submitted, and those that go on after they had ended. */
export class JobIntake {
  readonly #deps: JobIntakeDeps & TakeInDeps;
  /** Until it is decided they are not deleted. */
  readonly #resuming = new Set<string>();

  constructor(deps: JobIntakeDeps) {
    this.#deps = { ...deps, byId: new OneByOne() };
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
    const added = await takeIn({ user, body, rules }, this.#deps);
    if (added.isNew) await this.#enqueue(added.job);
    return added;
  }

  /**
   * A job that ended without success goes on, under its own id; durable when it returns. The same request again changes nothing.
   * @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_CANNOT_RESUME, NF_JOB_SIGNATURE, NF_JOB_TERMS
   */
  async resume(user: Identity, id: string, request: ResumeRequest): Promise<{ isNew: boolean }> {
    const { scheduler } = this.#deps;
    this.#resuming.add(id);
    try {
      // What is left to do for its end would be done to the job that goes on.
      const run = scheduler.find(id);
      if (run && isFinished(run.record.status)) await scheduler.settled(id);
      const { record, isNew } = await resumeJob({ id, user, request }, this.#deps);
      if (isNew) await this.#enqueue(record);
      return { isNew };
    } finally {
      this.#resuming.delete(id);
    }
  }

  isResuming(id: string): boolean {
    return this.#resuming.has(id);
  }

  async #enqueue(record: JobRecord): Promise<void> {
    const { scheduler, open } = this.#deps;
    scheduler.enqueue(await open(record));
    scheduler.look();
  }
}
