import { flError } from '../kernel/errors.ts';
import { isFinished } from '../wire/admin.ts';
import type { JobRecord, Resumption } from './server-store.ts';

/** Only a job that ended without success can be resumed. @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED */
export function requireEndedWithoutSuccess({ id: job, status }: JobRecord): void {
  if (!isFinished(status)) throw flError('NF_JOB_NOT_OVER', { job, status });
  if (status === 'FINISHED:COMPLETED') throw flError('NF_JOB_COMPLETED', { job });
}

/**
 * A job as it is once it was resumed: how far it came stays, what ended it goes, and sites are asked anew.
 * @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_TERMS
 */
export function resumedRecord(job: JobRecord, { terms, signature, by, round }: Resumption): JobRecord {
  requireEndedWithoutSuccess(job);
  const count = job.terms?.resume ?? 0;
  if (terms.resume !== count + 1) {
    const reason = `it was resumed ${count} times, and signed is the resume ${terms.resume ?? 0}`;
    throw flError('NF_JOB_TERMS', { reason });
  }
  const { error, ended, started, minClients, ...kept } = job;
  const resumed = { time: new Date().toISOString(), by, round, ended_by: error?.code ?? null };
  return {
    ...kept,
    status: 'SUBMITTED',
    terms,
    signature,
    resumed: [...(job.resumed ?? []), resumed],
  };
}
