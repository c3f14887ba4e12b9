import { z } from 'zod';
import { digest } from './shapes.ts';

/** Where a log ends, signed by whose log it is: also what stands in the `.head` file beside it. */
export const logHead = z.strictObject({
  seq: z.int().min(0),
  hash: digest,
  signature: z.string().max(1_000).describe('over the canonical JSON of seq and hash'),
  certificate: z.string().max(8_000).describe('PEM of the participant'),
});
export type LogHead = z.output<typeof logHead>;

/** GET /v1/site/audit-head */
export const auditHeadAnswer = z.strictObject({
  head: logHead
    .nullable()
    .describe('where the audit log of the server ends; null while nothing stands in it'),
});

/** Where a log ended when its owner last looked. */
const knownEnd = z.object({ seq: z.int().min(1), hash: digest });
export type KnownEnd = z.output<typeof knownEnd>;

/** By the name of the log's file: what tells that a log was removed together with its head. */
export const knownEnds = z.record(z.string(), knownEnd);
