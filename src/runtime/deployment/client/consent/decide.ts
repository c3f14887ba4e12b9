import { flError, NeuroflareError } from '../../../base/errors/errors.ts';
import { timeText } from '../../../base/text/time-text.ts';
import { requireTermsOf } from '../../../federation/job-terms.ts';
import type { Bundle } from '../../../job/bundle.ts';
import { isCrossSite } from '../../../job/cross-site.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { templatesByCode } from '../../../job/templates.ts';
import { fitReport } from '../../../network/messages/fit-report.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { SignedJob } from '../../../network/messages/terms.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { signerOf } from '../../../security/job-signature.ts';
import { type SitePolicy, SUBMITTER_ROLES } from '../../../security/policy/site-policy.ts';
import type { AdminRole } from '../../../security/project/schema.ts';
import type { SitePrivacy } from '../budget/site-privacy.ts';

export interface Offered {
  /** Under which the server offers it. */
  readonly id: string;
  readonly signed: SignedJob;
  readonly bundle: Pick<Bundle, 'sha256' | 'codeSha256'>;
  readonly job: JobDefinition;
}

export interface SiteRules {
  readonly site: string;
  readonly policy: SitePolicy;
  readonly project: string;
  /** PEM of the authority. */
  readonly rootPem: string;
  /** Serial numbers of certificates that count no more. */
  readonly revoked: ReadonlySet<string>;
  /** When the list of these was made; undefined where there is none. */
  readonly revokedAt: Date | undefined;
  /** Digests of code that somebody here has approved. */
  readonly approved: ReadonlySet<string>;
  /** Jobs that somebody here has stopped, and why. */
  readonly stopped: ReadonlyMap<string, string>;
  /** Jobs that are over here, and why; and those that version 0.1.0 had at hand. */
  readonly memory: {
    /** How often a job was resumed, of all that is known here. */
    resumes(id: string): number;
    overReason(id: string): string | undefined;
    isOfFirstVersion(id: string): boolean;
  };
  readonly hasData: boolean;
  /** What private jobs may spend. */
  readonly privacy: Pick<SitePrivacy, 'requireAllowed'>;
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
    const signer = requireSigned(offered, rules);
    requireFiles(offered);
    requireWelcome(signer, offered.signed, rules);
    if (isCrossSite(offered.job.workflow) && !rules.policy.cross_site_evaluation)
      throw flError('NF_SITE_CROSS_SITE', { job: offered.job.name });
    if (offered.job.executor.type === 'python' && !rules.policy.python)
      throw flError('NF_PYTHON_SITE', { job: offered.job.name });
    rules.privacy.requireAllowed(offered, rules.policy);
    requireSummed(offered.job, rules.policy);
    if (offered.job.data && !rules.hasData) throw flError('NF_SITE_NO_DATA', { job: offered.job.name });
    return (await mayRun(offered.bundle, rules))
      ? { answer: 'accepted' }
      : { answer: 'waiting for approval', reason: approvalNeeded(offered).report() };
  } catch (error) {
    return refusal(error);
  }
}

/** @throws NF_SECAGG_POLICY of a job whose updates are not summed up as this site asks for */
function requireSummed(
  { name: job, secureAggregation: secure }: JobDefinition,
  { secure_aggregation: { require: isRequired, min_sites: least } }: SitePolicy,
): void {
  const reason =
    !secure && isRequired
      ? 'it does not sum up its updates in secret'
      : secure && secure.minSites < least
        ? `its sums may be of ${secure.minSites} sites, and ${least} are the least here`
        : undefined;
  if (reason !== undefined) throw flError('NF_SECAGG_POLICY', { job, reason });
}

const DAY_MS = 86_400_000;

/**
 * Why no job begins here for now: the list of the revoked is older than the site wants. A day more will do, since lists are dated a day back
 * for the sake of clocks. Jobs that run here go on.
 */
export function staleList(
  { policy: { max_revocations_days: most }, revokedAt: at }: Pick<SiteRules, 'policy' | 'revokedAt'>,
  now = new Date(),
): NeuroflareError | undefined {
  if (most === undefined || (at && now.getTime() - at.getTime() <= (most + 1) * DAY_MS)) return undefined;
  const reason = at ? `it is of ${timeText(at)}` : 'it has none';
  return flError('NF_REVOKED_STALE', { most, reason });
}

/**
 * All that can be said of a job before anything of its files is fetched or opened. Returns who signed it.
 * @throws NF_JOB_SIGNATURE, NF_JOB_EXPIRED, NF_JOB_TERMS, NF_JOB_OVER_HERE, NF_SITE_STOPPED
 */
export function requireSigned({ id, signed }: Pick<Offered, 'id' | 'signed'>, rules: SiteRules): Identity {
  const { terms } = signed;
  const signer = signerOf(signed, rules);
  if (terms.job_id !== id) throw flError('NF_JOB_SIGNATURE', { reason: `it is of the job ${terms.job_id}` });
  if (terms.version === 1 && !rules.memory.isOfFirstVersion(id))
    throw flError('NF_JOB_SIGNATURE_OLD', { job: id });
  if (terms.version === 2 && terms.clients && !terms.clients.includes(rules.site))
    throw flError('NF_JOB_TERMS', { reason: `${rules.site} is not among the sites it is for` });
  requireNotOver(signed, rules);
  const stopped = rules.stopped.get(id);
  if (stopped !== undefined) throw flError('NF_SITE_STOPPED', { job: id, reason: stopped });
  return signer;
}

/** A job that is over here goes on only when its submitter, or another, has signed that it was resumed since. */
function requireNotOver({ terms }: SignedJob, { memory }: SiteRules): void {
  const { job_id: job } = terms;
  const [known, signed] = [memory.resumes(job), terms.version === 2 ? (terms.resume ?? 0) : 0];
  if (signed > known) return;
  const over = signed < known ? 'it was resumed since this was signed' : memory.overReason(job);
  if (over !== undefined) throw flError('NF_JOB_OVER_HERE', { job, reason: over });
}

function requireFiles({ signed: { terms }, bundle, job }: Offered): void {
  if (bundle.sha256 !== terms.bundle_sha256)
    throw flError('NF_JOB_SIGNATURE', { reason: 'its files are not those that were signed' });
  if (terms.version === 2) requireTermsOf(job, terms);
}

/**
 * The role in the certificate is the authority's word; what a server lets people do, whoever runs it may change.
 * @throws NF_SITE_ROLE, NF_SITE_REFUSES
 */
export function requireWelcome(
  { name, org, role = 'member' }: Identity,
  { terms }: Pick<SignedJob, 'terms'>,
  { policy: { submitters, submitter_roles: roles } }: SiteRules,
): void {
  const isResumed = terms.version === 2 && (terms.resume ?? 0) > 0;
  const usual: readonly AdminRole[] = isResumed ? [...SUBMITTER_ROLES, 'org_admin'] : SUBMITTER_ROLES;
  if (!(roles ?? usual).includes(role)) throw flError('NF_SITE_ROLE', { name, org, role });
  if (!submitters || submitters.includes(name) || submitters.includes(org)) return;
  throw flError('NF_SITE_REFUSES', { name, org });
}

async function mayRun({ codeSha256 }: Offered['bundle'], { policy, approved }: SiteRules): Promise<boolean> {
  if (policy.code === 'any' || policy.allowed_code.includes(codeSha256) || approved.has(codeSha256))
    return true;
  const template = (await templatesByCode()).get(codeSha256);
  return template !== undefined && policy.allowed_templates.includes(template);
}

function approvalNeeded({ bundle: { codeSha256 } }: Offered) {
  return flError('NF_SITE_APPROVAL', { code: codeSha256 });
}
