import { flError } from '../../base/errors/errors.ts';
import { requireEndedWithoutSuccess } from '../../network/messages/ended.ts';
import type { JobRecord, Resumption } from './server-store.ts';

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
