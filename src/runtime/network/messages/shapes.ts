import { z } from 'zod';
import type { ErrorReport } from '../../base/errors/errors.ts';
import { MASKED_ENCODING, PACKED_ENCODINGS } from '../../base/tensors/packed/form.ts';
import { fitReport, MOST_OF_PLACE, MOST_OF_REPORT } from './fit-report.ts';

/** Small things that several messages hold. */

export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 lower-case hex digits');
export const jobId = z.uuid();
export const time = z.iso.datetime();
export const name = z.string().min(1).max(64);
const count = z.int().min(0);

/** A file that is fetched or sent by its digest. */
export const blobRef = z.strictObject({ sha256: digest, size: count.describe('bytes') });

/** A report of an error; what its texts may be is the caller's. */
function reportForm(text: (most: number) => z.ZodString) {
  return z.strictObject({
    code: text(MOST_OF_REPORT.code),
    message: text(MOST_OF_REPORT.message),
    hint: text(MOST_OF_REPORT.hint),
    exitCode: z.int(),
    place: z
      .strictObject({
        file: text(MOST_OF_PLACE.file).optional(),
        line: z.int().optional(),
        column: z.int().optional(),
        key: text(MOST_OF_PLACE.key).optional(),
        site: text(MOST_OF_PLACE.site).optional(),
        round: z.int().optional(),
        stage: z.literal('final scoring').optional(),
        excerpt: text(MOST_OF_PLACE.excerpt).optional(),
      })
      .optional(),
    stack: text(MOST_OF_REPORT.stack).optional(),
  });
}

export const errorReport = reportForm((most) => z.string().max(most));

/** A report by somebody whose texts may be of any length, as a script's are: cut to what `errorReport` takes. */
export const cutReport = reportForm(() => z.string()).transform((report) => fitReport(report as ErrorReport));

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

/** Results travel with the name of their encoding, so that others can join it. */
export const ENCODINGS = ['safetensors', ...Object.values(PACKED_ENCODINGS), MASKED_ENCODING] as const;
export const encoding = z.enum(ENCODINGS);
