import { type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../base/digest.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** startup/signature.json: what a kit consists of, signed by the project's authority. */
export const signatureSchema = z.strictObject({
  version: z.literal(1),
  project: z.string(),
  participant: z.string(),
  signed_at: z.iso.datetime(),
  files: z.record(z.string(), digest).describe('SHA-256 by path from the folder of the kit'),
  keys: z
    .record(z.string(), digest)
    .describe(
      'private keys: SHA-256 of their public halves (SPKI), because the signer never sees a private key',
    ),
  algorithm: z.literal('ECDSA-P256-SHA256'),
  signature: z.base64().describe('over the canonical JSON of all other fields; r and s, 32 bytes each'),
});
export type KitSignature = z.output<typeof signatureSchema>;

const ENCODING = 'ieee-p1363';

export function signKit(
  content: Omit<KitSignature, 'version' | 'algorithm' | 'signature'>,
  rootKey: KeyObject,
): KitSignature {
  const unsigned = { version: 1, ...content, algorithm: 'ECDSA-P256-SHA256' } as const;
  const bytes = sign('sha256', Buffer.from(canonicalJson(unsigned)), { key: rootKey, dsaEncoding: ENCODING });
  return { ...unsigned, signature: bytes.toString('base64') };
}

export function isSignedBy({ signature, ...unsigned }: KitSignature, rootKey: KeyObject): boolean {
  const data = Buffer.from(canonicalJson(unsigned));
  return verify('sha256', data, { key: rootKey, dsaEncoding: ENCODING }, Buffer.from(signature, 'base64'));
}
