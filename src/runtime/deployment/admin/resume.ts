import { flError } from '../../base/errors/errors.ts';
import { requireTermsOf, termsAgain } from '../../federation/job-terms.ts';
import type { JobMeta } from '../../network/messages/admin.ts';
import { requireEndedWithoutSuccess } from '../../network/messages/ended.ts';
import { signJob } from '../../security/job-signature.ts';
import type { Admin } from './admin.ts';
import { checkedOriginal, type OriginalJob } from './original-job.ts';
import { type SubmitOptions, VALID_DAYS } from './submit.ts';

export interface ResumeOptions extends Pick<SubmitOptions, 'validDays' | 'signal'> {
  /** What is about to be signed; a refusal is thrown. */
  readonly onOriginal: (job: OriginalJob) => void | Promise<void>;
}

/**
 * Has a job that ended without success go on, under its own id and with its own terms, for which this admin signs. Sites take it up again for
 * a signature that says so only.
 * @param which id of the job, or its beginning
 * @throws NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_CANNOT_RESUME, NF_JOB_SIGNATURE, NF_JOB_SIGNATURE_OLD, NF_JOB_TERMS
 */
export async function resumeJob(
  admin: Admin,
  which: string,
  { validDays = VALID_DAYS, signal, onOriginal }: ResumeOptions,
): Promise<{ readonly meta: JobMeta; readonly original: OriginalJob }> {
  // Before anything is fetched and signed; the server looks again.
  const { job_id: id, status } = await admin.job(which);
  requireEndedWithoutSuccess({ id, status });
  const { original, signed, job } = await checkedOriginal(admin, which);
  const { terms } = signed;
  if (terms.version === 1) throw flError('NF_JOB_SIGNATURE_OLD', { job: original.id });
  requireTermsOf(job, terms);
  requireOwnContent(admin.kit.identity.name, original);
  await onOriginal(original);
  const again = termsAgain(terms, { validDays, now: new Date() });
  signal.throwIfAborted();
  const meta = await admin.resume(original.id, { terms: again, signature: signJob(again, admin.kit) });
  return { meta, original };
}

/** What comes under the id of one's own job was signed by oneself: a server could answer with what somebody else signed for it. */
function requireOwnContent(me: string, { owner, submitter }: OriginalJob): void {
  if (owner !== me || submitter === me) return;
  const reason = `the job is yours, and what the server sends was signed by ${submitter}; if ${submitter} resumed it before, have it resumed by them, or submit it anew`;
  throw flError('NF_JOB_SIGNATURE', { reason });
}
