import { flError } from '../../base/errors/errors.ts';
import { isFinished, type JobStatus } from './admin.ts';

/** Only a job that ended without success can be resumed. @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED */
export function requireEndedWithoutSuccess({
  id: job,
  status,
}: {
  readonly id: string;
  readonly status: JobStatus;
}): void {
  if (!isFinished(status)) throw flError('NF_JOB_NOT_OVER', { job, status });
  if (status === 'FINISHED:COMPLETED') throw flError('NF_JOB_COMPLETED', { job });
}
