import { randomUUID } from 'node:crypto';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { JobTerms } from '../../src/runtime/network/messages/terms.ts';

/** What a submitter of the project `brain` signs of the tiny job. */
export function jobTerms(over: Partial<JobTerms> = {}): JobTerms {
  return {
    version: 2,
    project: 'brain',
    job_id: randomUUID(),
    bundle_sha256: sha256('bundle'),
    name: 'tiny',
    study: 'default',
    submitted: new Date().toISOString(),
    expires: new Date(Date.now() + 86_400_000).toISOString(),
    clients: null,
    num_rounds: 2,
    workflow: 'fedavg',
    model: { form_sha256: sha256('form'), size: 96 },
    ...over,
  };
}
