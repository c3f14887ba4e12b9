import { canonicalJson } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { timeText } from '../base/text/time-text.ts';
import type { Signature } from '../network/messages/shapes.ts';
import type { JobTerms, SignedJob } from '../network/messages/terms.ts';
import type { Identity } from './certificate/identity.ts';
import type { OpenKit } from './kit/open.ts';
import { signerOfText, signText } from './signature.ts';

/** Of a project, what makes a signature good. */
export interface SignatureRules {
  readonly project: string;
  /** PEM of the authority. */
  readonly rootPem: string;
  /** Serial numbers of certificates that count no more, in lower case. */
  readonly revoked?: ReadonlySet<string>;
  /** Default: now. */
  readonly now?: Date;
}

/** The submitter's word for a job, so that a site need not take the server's. */
export function signJob(terms: JobTerms, kit: Pick<OpenKit, 'tls'>): Signature {
  return signText(canonicalJson(terms), kit);
}

/** Who signed a job, by a certificate of the project's authority that is good at this moment. @throws NF_JOB_SIGNATURE, NF_JOB_EXPIRED */
export function signerOf(
  job: Pick<SignedJob, 'terms' | 'signature'>,
  { now = new Date(), ...rules }: SignatureRules,
): Identity {
  const { terms } = job;
  const signer = originalSigner(job, { ...rules, now });
  if (terms.version === 2 && Date.parse(terms.expires) <= now.getTime())
    throw flError('NF_JOB_EXPIRED', { job: terms.job_id, date: timeText(terms.expires) });
  return signer;
}

/** Who signed a job once, though the certificate or the job may have ended since. @throws NF_JOB_SIGNATURE */
export function originalSigner(
  { terms, signature }: Pick<SignedJob, 'terms' | 'signature'>,
  { project, rootPem, revoked, now }: SignatureRules,
): Identity {
  const refuse = (reason: string, cause?: unknown) => flError('NF_JOB_SIGNATURE', { reason }, { cause });
  const signer = signerOfText(signature, textOf(terms), { rootPem, now, revoked, refuse });
  if (signer.type !== 'admin') throw refuse(`${signer.name} is a ${signer.type}, not an admin`);
  if (terms.project !== project) throw refuse(`it is for the project ${terms.project}`);
  return signer;
}

function textOf(terms: SignedJob['terms']): string {
  if (terms.version === 2) return canonicalJson(terms);
  const { project, job_id, bundle_sha256 } = terms;
  return canonicalJson({ project, job_id, bundle_sha256 });
}
