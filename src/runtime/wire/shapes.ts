import { z } from 'zod';
import type { ErrorReport } from '../kernel/errors.ts';

/** Small things that several messages hold. */

export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 lower-case hex digits');
export const jobId = z.uuid();
export const time = z.iso.datetime();
export const name = z.string().min(1).max(64);
const count = z.int().min(0);

/** A file that is fetched or sent by its digest. */
export const blobRef = z.strictObject({ sha256: digest, size: count.describe('bytes') });

/** Characters of the texts of an error. */
const MOST = { code: 64, message: 20_000, hint: 4_000, excerpt: 4_000, stack: 20_000 } as const;

export const errorReport = z.strictObject({
  code: z.string().max(MOST.code),
  message: z.string().max(MOST.message),
  hint: z.string().max(MOST.hint),
  exitCode: z.int(),
  place: z
    .strictObject({
      file: z.string().optional(),
      line: z.int().optional(),
      column: z.int().optional(),
      key: z.string().optional(),
      site: z.string().optional(),
      round: z.int().optional(),
      stage: z.literal('final scoring').optional(),
      excerpt: z.string().max(MOST.excerpt).optional(),
    })
    .optional(),
  stack: z.string().max(MOST.stack).optional(),
});

/** The report as it fits into a message: a script's error may be of any length. */
export function fitReport(report: ErrorReport): ErrorReport {
  const { code, message, hint, place, stack } = report;
  const excerpt = place?.excerpt?.slice(0, MOST.excerpt);
  return {
    ...report,
    code: code.slice(0, MOST.code),
    message: message.slice(0, MOST.message),
    hint: hint.slice(0, MOST.hint),
    ...(place && { place: { ...place, ...(excerpt !== undefined && { excerpt }) } }),
    ...(stack !== undefined && { stack: stack.slice(0, MOST.stack) }),
  };
}

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

/** Somebody's word for a text, checked without trusting who brings it. */
export const signatureSchema = z.strictObject({
  algorithm: z.literal('ECDSA-P256-SHA256'),
  certificate: z.string().max(8_000).describe('PEM of who signed'),
  signature: z.base64().describe('r and s, 32 bytes each; of a job over the canonical JSON of its terms'),
});
export type Signature = z.output<typeof signatureSchema>;

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
