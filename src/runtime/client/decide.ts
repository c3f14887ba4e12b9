import type { Bundle } from '../job/bundle.ts';
import type { JobDefinition } from '../job/definition.ts';
import { templatesByCode } from '../job/templates.ts';
import { flError, NeuroflareError } from '../kernel/errors.ts';
import { signerOf } from '../security/job-signature.ts';
import type { SitePolicy } from '../security/policy/site-policy.ts';
import { fitReport } from '../wire/shapes.ts';
import type { Decision, JobOffer } from '../wire/site.ts';

export interface Offered {
  readonly offer: JobOffer;
  readonly bundle: Pick<Bundle, 'sha256' | 'codeSha256'>;
  readonly job: JobDefinition;
}

export interface SiteRules {
  readonly policy: SitePolicy;
  readonly project: string;
  /** PEM of the authority. */
  readonly rootPem: string;
  /** Digests of code that somebody here has approved. */
  readonly approved: ReadonlySet<string>;
  readonly hasData: boolean;
}

/**
 * Whether a job is refused for what its offer says alone, before anything of it is fetched: for its signature, or its submitter.
 */
export function decideOffer(offer: JobOffer, rules: SiteRules): Decision | undefined {
  try {
    requireSigner(offer, rules);
    requireWelcome(offer, rules);
    return undefined;
  } catch (error) {
    return refusal(error);
  }
}

/** @throws what is no named error, as it came */
export function refusal(error: unknown): Decision {
  if (error instanceof NeuroflareError) return { answer: 'refused', reason: fitReport(error.report()) };
  throw error;
}

/**
 * Whether this site takes a job: it is whole and signed by one of the project, whoever brings it; its submitter is welcome; there is
 * data for it; and its code may run here.
 */
export async function decide(offered: Offered, rules: SiteRules): Promise<Decision> {
  try {
    requireSigned(offered, rules);
    requireWelcome(offered.offer, rules);
    if (offered.job.data && !rules.hasData) throw flError('NF_SITE_NO_DATA', { job: offered.job.name });
    return (await mayRun(offered.bundle, rules))
      ? { answer: 'accepted' }
      : { answer: 'waiting for approval', reason: approvalNeeded(offered).report() };
  } catch (error) {
    return refusal(error);
  }
}

function requireSigned({ offer, bundle }: Offered, rules: SiteRules): void {
  if (bundle.sha256 !== offer.bundle_sha256)
    throw flError('NF_JOB_SIGNATURE', { reason: 'its files are not those that were offered' });
  requireSigner(offer, rules);
}

function requireSigner(offer: JobOffer, { project, rootPem }: SiteRules): void {
  const signed = { project, job_id: offer.job_id, bundle_sha256: offer.bundle_sha256 };
  const signer = signerOf(offer.signature, signed, { rootPem });
  if (signer.name !== offer.submitter.name || signer.org !== offer.submitter.org)
    throw flError('NF_JOB_SIGNATURE', { reason: `it is ${signer.name}'s, not ${offer.submitter.name}'s` });
}

function requireWelcome({ submitter }: JobOffer, { policy: { submitters } }: SiteRules): void {
  if (!submitters || submitters.includes(submitter.name) || submitters.includes(submitter.org)) return;
  throw flError('NF_SITE_REFUSES', { name: submitter.name, org: submitter.org });
}

async function mayRun({ codeSha256 }: Offered['bundle'], { policy, approved }: SiteRules): Promise<boolean> {
  if (policy.code === 'any' || policy.allowed_code.includes(codeSha256) || approved.has(codeSha256))
    return true;
  const template = (await templatesByCode()).get(codeSha256);
  return template !== undefined && policy.allowed_templates.includes(template);
}

function approvalNeeded({ bundle: { codeSha256 } }: Offered) {
  return flError('NF_SITE_APPROVAL', { code: codeSha256.slice(0, 12) });
}
