import { z } from 'zod';

/** Small things that several messages hold. */

export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 lower-case hex digits');
export const jobId = z.uuid();
export const time = z.iso.datetime();
export const name = z.string().min(1).max(64);
const count = z.int().min(0);

/** A file that is fetched or sent by its digest. */
export const blobRef = z.strictObject({ sha256: digest, size: count.describe('bytes') });

export const errorReport = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(20_000),
  hint: z.string().max(4_000),
  exitCode: z.int(),
  place: z
    .strictObject({
      file: z.string().optional(),
      line: z.int().optional(),
      column: z.int().optional(),
      key: z.string().optional(),
      site: z.string().optional(),
      round: z.int().optional(),
      excerpt: z.string().max(4_000).optional(),
    })
    .optional(),
  stack: z.string().max(20_000).optional(),
});

export const engineUse = z.strictObject({
  name: z.string().max(100),
  device: z.string().max(100),
  library: z.string().max(200),
  detail: z.string().max(1_000),
});

/** Who acts, from the certificate. */
export const identity = z.strictObject({ name, org: name, role: z.string().max(32).optional() });

export const logLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.output<typeof logLevel>;

/** Signed by the one who submits: what a site checks without trusting the server. */
export const jobSignature = z.strictObject({
  algorithm: z.literal('ECDSA-P256-SHA256'),
  certificate: z.string().max(8_000).describe('PEM of the submitter'),
  signature: z
    .base64()
    .describe('over the canonical JSON of {project, job_id, bundle_sha256}; r and s, 32 bytes each'),
});
export type JobSignature = z.output<typeof jobSignature>;

/** A job's files, as they travel. */
export const packedBundle = z.strictObject({
  files: z
    .array(z.strictObject({ path: z.string().min(1).max(500), content: z.base64() }))
    .min(1)
    .max(500),
});
export type PackedBundle = z.output<typeof packedBundle>;

/** Results travel with the name of their encoding, so that others (masked integers, several exchanges) can join it. */
export const ENCODINGS = ['safetensors'] as const;
export const encoding = z.enum(ENCODINGS);
