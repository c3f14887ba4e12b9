import { flError } from '../../../base/errors/errors.ts';
import type { SignedJob } from '../../../network/messages/terms.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { type SignatureRules, signerOf } from '../../../security/job-signature.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { Submission } from './intake-rules.ts';

/** What was signed of a job; of one that version 0.1.0 took in, what it signed. */
export function signedJobOf(
  { id, terms, bundleSha256, signature, bundle }: JobRecord,
  project: string,
): SignedJob {
  return {
    terms: terms ?? { version: 1, project, job_id: id, bundle_sha256: bundleSha256 },
    signature,
    bundle: { sha256: bundle.sha256, size: bundle.size },
  };
}

/** What is submitted is what its submitter signed. @throws NF_JOB_SIGNATURE, NF_JOB_EXPIRED */
export function requireSignature(
  request: Submission,
  { user, bundleSha256 }: { user: Identity; bundleSha256: string },
  rules: Pick<SignatureRules, 'project' | 'rootPem'>,
): void {
  const { terms, initial_model: model } = request;
  const signer = signerOf(request, rules);
  if (terms.bundle_sha256 !== bundleSha256)
    throw flError('NF_JOB_SIGNATURE', { reason: 'its files are not those that were signed' });
  if (model && model.sha256 !== terms.model.initial_sha256)
    throw flError('NF_JOB_SIGNATURE', { reason: 'its model of round 0 is not the one that was signed' });
  if (signer.name !== user.name)
    throw flError('NF_JOB_SIGNATURE', { reason: `it is ${signer.name}'s, and ${user.name} submits` });
}
