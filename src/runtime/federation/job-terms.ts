import { flError } from '../base/errors/errors.ts';
import type { Bundle } from '../job/bundle.ts';
import { isCrossSite } from '../job/cross-site.ts';
import type { JobDefinition } from '../job/definition.ts';
import type { JobTerms, ModelForm } from '../network/messages/terms.ts';

const DAY_MS = 86_400_000;

export interface TermsWanted {
  readonly project: string;
  readonly jobId: string;
  readonly study: string;
  readonly clients: readonly string[] | undefined;
  /** Days for which sites take the job and its tasks. */
  readonly validDays: number;
  readonly now: Date;
}

/** What a submitter signs of a job. */
export function termsOf(
  { job, bundle, model }: { job: JobDefinition; bundle: Bundle; model: ModelForm },
  { project, jobId, study, clients, validDays, now }: TermsWanted,
): JobTerms {
  return {
    version: 2,
    project,
    job_id: jobId,
    bundle_sha256: bundle.sha256,
    name: job.name,
    study,
    submitted: now.toISOString(),
    expires: new Date(now.getTime() + validDays * DAY_MS).toISOString(),
    clients: clients ? [...clients] : null,
    num_rounds: job.workflow.numRounds,
    workflow: job.workflow.type,
    model,
  };
}

/** The terms of a job that is resumed: all of them but the time, and one more resume. */
export function termsAgain(
  terms: JobTerms,
  { validDays, now }: Pick<TermsWanted, 'validDays' | 'now'>,
): JobTerms {
  return {
    ...terms,
    submitted: now.toISOString(),
    expires: new Date(now.getTime() + validDays * DAY_MS).toISOString(),
    resume: (terms.resume ?? 0) + 1,
  };
}

/** What was signed and what is in the files is one job. @throws NF_JOB_TERMS, NF_JOB_RECIPIENTS */
export function requireTermsOf(
  { name, workflow }: JobDefinition,
  terms: Pick<JobTerms, 'name' | 'num_rounds' | 'workflow' | 'clients'>,
): void {
  requireRecipients({ name, workflow }, terms.clients ?? undefined);
  const found = { name, num_rounds: workflow.numRounds, workflow: workflow.type } as const;
  for (const key of ['name', 'num_rounds', 'workflow'] as const)
    if (found[key] !== terms[key])
      throw flError('NF_JOB_TERMS', {
        reason: `job.yaml says ${key} ${found[key]}, signed is ${terms[key]}`,
      });
}

/**
 * Who signs a job that gives models of sites to others says to which: else the server would, and could make up sites with models of its own.
 * @throws NF_JOB_RECIPIENTS
 */
export function requireRecipients(
  { name: job, workflow }: Pick<JobDefinition, 'name' | 'workflow'>,
  clients: readonly string[] | undefined,
): void {
  if (clients || !isCrossSite(workflow)) return;
  throw flError('NF_JOB_RECIPIENTS', { job }, { place: { key: 'workflow.cross_site_evaluation' } });
}
