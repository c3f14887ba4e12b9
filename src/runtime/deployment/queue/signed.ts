import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../base/digest.ts';

/** What lies in the queue: text, and the proof that somebody with the run's key wrote it as a thing of this kind. */
export const signedSchema = z.strictObject({ text: z.string().max(64_000_000), mac: z.string().length(64) });
export type Signed = z.output<typeof signedSchema>;

export type Kind = 'order' | 'answer' | 'run';

export function sign(kind: Kind, content: unknown, secret: Uint8Array): Signed {
  const text = canonicalJson(content);
  return { text, mac: macOf(kind, text, secret) };
}

/** The content, or undefined where it was not written with the key, or as a thing of another kind. */
export function openSigned(kind: Kind, said: unknown, secret: Uint8Array): unknown {
  const { data } = signedSchema.safeParse(said);
  if (!data) return undefined;
  const wanted = Buffer.from(macOf(kind, data.text, secret), 'hex');
  const found = Buffer.from(data.mac, 'hex');
  if (found.length !== wanted.length || !timingSafeEqual(found, wanted)) return undefined;
  return JSON.parse(data.text);
}

/** HMAC-SHA256 (RFC 2104). */
function macOf(kind: Kind, text: string, secret: Uint8Array): string {
  return createHmac('sha256', secret).update(`neuroflare ${kind}\n`).update(text).digest('hex');
}
