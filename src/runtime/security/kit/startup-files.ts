import { X509Certificate } from 'node:crypto';
import { prettyJson, sha256 } from '../../base/digest.ts';
import type { Authority } from '../authority/authority.ts';
import { keyFingerprint } from '../certificate/keys.ts';
import type { Participant } from '../project/schema.ts';
import { endpointOf } from './endpoint.ts';
import { kitFiles } from './layout.ts';
import { signKit } from './signature.ts';

/** Texts by path: a kit without its private key. */
export type KitTexts = Readonly<Record<string, string>>;

/** All of `startup/` but the key, signed. */
export function startupFiles(
  authority: Authority,
  { participant, certificate, now }: { participant: Participant; certificate: string; now: Date },
): KitTexts {
  const paths = kitFiles(participant.type);
  const texts: Record<string, string> = {
    [paths.root]: authority.rootPem,
    [paths.certificate]: certificate,
    [paths.endpoint]: prettyJson(endpointOf(authority.project, participant)),
  };
  const signature = signKit(
    {
      project: authority.project.name,
      participant: participant.name,
      signed_at: now.toISOString(),
      files: Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, sha256(text)])),
      keys: { [paths.key]: keyFingerprint(new X509Certificate(certificate).publicKey) },
    },
    authority.rootKey,
  );
  return { ...texts, [paths.signature]: prettyJson(signature) };
}
