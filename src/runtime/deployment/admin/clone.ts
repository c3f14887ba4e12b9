import type { Admin } from './admin.ts';
import { checkedOriginal, type OriginalJob } from './original-job.ts';
import { type SubmitOptions, type SubmittedJob, sendSubmission } from './submit.ts';

export interface CloneOptions extends Pick<SubmitOptions, 'study' | 'validDays' | 'signal'> {
  /** What is about to be signed; a refusal is thrown. */
  readonly onOriginal: (job: OriginalJob) => void | Promise<void>;
}

/**
 * Submits a job of the server once more, as one's own and for the same sites. What the server sends is taken only if it is what was
 * signed before.
 * @param which id of the job, or its beginning
 * @throws NF_JOB_SIGNATURE, NF_JOB_TERMS
 */
export async function cloneJob(
  admin: Admin,
  which: string,
  { study, onOriginal, ...options }: CloneOptions,
): Promise<SubmittedJob & { readonly clonedFrom: string; readonly original: OriginalJob }> {
  const { original, meta, signed, bundle, job, form } = await checkedOriginal(admin, which);
  await onOriginal(original);
  const { terms } = signed;
  const answer = await sendSubmission(admin, {
    ...options,
    content: { job, bundle, model: form },
    wanted: { study: study ?? (terms.version === 2 ? terms.study : meta.study), clients: original.clients },
    model: meta.initial_model ?? undefined,
    clonedFrom: meta.job_id,
  });
  const sites = meta.sites.filter((site) => site.answer === 'accepted').map(({ site }) => site);
  return {
    jobId: answer.job_id,
    isNew: answer.is_new,
    name: job.name,
    sites,
    warnings: [],
    clonedFrom: meta.job_id,
    original,
  };
}
