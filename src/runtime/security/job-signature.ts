import { sign, verify, X509Certificate } from 'node:crypto';
import { canonicalJson } from '../kernel/digest.ts';
import { flError } from '../kernel/errors.ts';
import type { JobSignature } from '../wire/shapes.ts';
import { type Identity, identityOf } from './certificate/identity.ts';
import type { OpenKit } from './kit/open.ts';

/** What is signed: this job, once, in this project, with this code and these values. */
export interface SignedJob {
  readonly project: string;
  readonly job_id: string;
  readonly bundle_sha256: string;
}

const ENCODING = 'ieee-p1363';

function signedText({ project, job_id, bundle_sha256 }: SignedJob): Buffer {
  return Buffer.from(canonicalJson({ project, job_id, bundle_sha256 }));
}

/** The submitter's word for a job, so that a site need not take the server's. */
export function signJob(job: SignedJob, { tls }: Pick<OpenKit, 'tls'>): JobSignature {
  const bytes = sign('sha256', signedText(job), { key: tls.key, dsaEncoding: ENCODING });
  return { algorithm: 'ECDSA-P256-SHA256', certificate: tls.cert, signature: bytes.toString('base64') };
}

/** Who signed a job, by a certificate of the project's authority that is good at this moment. @throws NF_JOB_SIGNATURE */
export function signerOf(
  signature: JobSignature,
  job: SignedJob,
  { rootPem, now = new Date() }: { rootPem: string; now?: Date },
): Identity {
  const refuse = (reason: string, cause?: unknown) => flError('NF_JOB_SIGNATURE', { reason }, { cause });
  let certificate: X509Certificate;
  let root: X509Certificate;
  try {
    certificate = new X509Certificate(signature.certificate);
    root = new X509Certificate(rootPem);
  } catch (cause) {
    throw refuse('its certificate cannot be read', cause);
  }
  const isIssued = certificate.checkIssued(root) && certificate.verify(root.publicKey);
  if (!isIssued) throw refuse('its certificate is not of this project');
  if (now < certificate.validFromDate || now > certificate.validToDate)
    throw refuse('its certificate is not good today');
  const bytes = Buffer.from(signature.signature, 'base64');
  if (!verify('sha256', signedText(job), { key: certificate.publicKey, dsaEncoding: ENCODING }, bytes))
    throw refuse('the signature is of other files');
  const signer = identityOf(certificate);
  if (signer.type !== 'admin') throw refuse(`${signer.name} is a ${signer.type}, not an admin`);
  return signer;
}
