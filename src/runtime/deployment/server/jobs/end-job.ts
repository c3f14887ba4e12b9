import { rm } from 'node:fs/promises';
import { flError } from '../../../base/errors/errors.ts';
import { isFinished } from '../../../network/messages/admin.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { StateFolder } from '../state-folder.ts';
import type { JobIntake } from './job-intake.ts';
import type { JobRestart } from './job-restart.ts';
import type { JobScheduler } from './job-scheduler.ts';

/** Ends a job, whether it waits, runs, or is still to be taken up after a start. Durable when it returns. @throws NF_JOB_OVER */
export async function abortJob(
  {
    scheduler,
    restart,
  }: {
    scheduler: Pick<JobScheduler, 'find' | 'end'>;
    restart: Pick<JobRestart, 'has' | 'abort'>;
  },
  { id: job, status }: JobRecord,
  who: string,
): Promise<void> {
  const run = scheduler.find(job);
  if (!run && restart.has(job)) return restart.abort(job, flError('NF_JOB_ABORTED', { who }));
  if (!run) throw flError('NF_JOB_OVER', { job, status });
  await run.abort(who);
  scheduler.end(run);
}

export interface DeletionDeps {
  readonly store: Pick<ServerStore, 'deleteJob'>;
  readonly state: StateFolder;
  readonly intake: Pick<JobIntake, 'isResuming'>;
  /** Nothing is on its way from a job or to it when it returns. */
  readonly endTransfers: (job: string) => Promise<void>;
}

/** Removes a finished job and everything of it. @throws NF_JOB_NOT_OVER */
export async function deleteJob(
  { store, state, intake, endTransfers }: DeletionDeps,
  { id: job, status }: JobRecord,
): Promise<void> {
  if (!isFinished(status) || intake.isResuming(job)) throw flError('NF_JOB_NOT_OVER', { job, status });
  await store.deleteJob(job);
  await endTransfers(job);
  await rm(state.job(job).root, { recursive: true, force: true });
}
