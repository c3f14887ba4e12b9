import { z } from 'zod';
import { blobRef, digest, jobId, name, signatureSchema } from './shapes.ts';

/** What a submitter signs: what may be done with a job, so that neither server nor site needs the other's word for it. */

const count = z.int().min(0);
/** In small letters: jobs whose ids differ by case alone would share a folder on a disk that does not tell cases. */
const newJobId = jobId.lowercase('must be in small letters');
const project = z.string().min(1).max(200);
/**
 * ISO 8601 in UTC, as text: what is signed is this text, and a client that was made from the OpenAPI document would turn a `date-time` into a
 * value of its language and write it another way.
 */
const signedTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/, 'must be a time in UTC, like 2026-11-24T10:00:00Z')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a time that there is');

/** What every model of a job looks like. */
export const modelForm = z.strictObject({
  form_sha256: digest.describe(
    'over the canonical JSON of [name, dtype, shape] of its arrays, sorted by name',
  ),
  size: count.describe('bytes of a safetensors file of it'),
  initial_sha256: digest
    .optional()
    .describe(
      'of the file of round 0, where the job brings its numbers; without it they follow from the seed',
    ),
});
export type ModelForm = z.output<typeof modelForm>;

export const jobTerms = z.strictObject({
  version: z.literal(2),
  project,
  job_id: newJobId,
  bundle_sha256: digest.describe('over the paths and digests of its files'),
  name,
  study: name,
  submitted: signedTime,
  expires: signedTime.describe('from then on no site begins the job, or a task of it'),
  clients: z.array(name).min(1).max(100_000).nullable().describe('the sites that take part; null: any'),
  num_rounds: z.int().min(1).describe('of training; the final model is scored once more'),
  workflow: z.string().min(1).max(64),
  model: modelForm,
  resume: count
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'how often the job was resumed with this time: a site takes it up again for a higher number only',
    ),
});
export type JobTerms = z.output<typeof jobTerms>;

/** What version 0.1.0 signed. */
export const firstTerms = z.strictObject({
  version: z.literal(1),
  project,
  job_id: jobId,
  bundle_sha256: digest,
});

/** GET /v1/site/jobs/:job/signature and /v1/jobs/:job/signature: what was signed, by whom, and the files it is about. */
export const signedJob = z.strictObject({
  terms: z.discriminatedUnion('version', [jobTerms, firstTerms]),
  signature: signatureSchema,
  bundle: blobRef.describe('its files as they travel'),
});
export type SignedJob = z.output<typeof signedJob>;
