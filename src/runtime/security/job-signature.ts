import { canonicalJson } from '../kernel/digest.ts';
import { flError } from '../kernel/errors.ts';
import type { Signature } from '../wire/shapes.ts';
import type { Identity } from './certificate/identity.ts';
import type { OpenKit } from './kit/open.ts';
import { signerOfText, signText } from './signature.ts';

/** What is signed: this job, once, in this project, with this code and these values. */
export interface SignedJob {
  readonly project: string;
  readonly job_id: string;
  readonly bundle_sha256: string;
}

function signedText({ project, job_id, bundle_sha256 }: SignedJob): string {
  return canonicalJson({ project, job_id, bundle_sha256 });
}

/** The submitter's word for a job, so that a site need not take the server's. */
export function signJob(job: SignedJob, kit: Pick<OpenKit, 'tls'>): Signature {
  return signText(signedText(job), kit);
}

/** Who signed a job, by a certificate of the project's authority that is good at this moment. @throws NF_JOB_SIGNATURE */
export function signerOf(
  signature: Signature,
  job: SignedJob,
  { rootPem, now = new Date() }: { rootPem: string; now?: Date },
): Identity {
  const refuse = (reason: string, cause?: unknown) => flError('NF_JOB_SIGNATURE', { reason }, { cause });
  const signer = signerOfText(signature, signedText(job), { rootPem, now, refuse });
  if (signer.type !== 'admin') throw refuse(`${signer.name} is a ${signer.type}, not an admin`);
  return signer;
}
