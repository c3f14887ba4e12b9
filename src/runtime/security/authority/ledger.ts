import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { isoDay } from '../certificate/iso-day.ts';
import { certificateFingerprint } from '../certificate/keys.ts';
import type { Participant } from '../project/schema.ts';
import { type Authority, mustBeValid, STATE } from './authority.ts';

const entrySchema = z.strictObject({
  name: z.string(),
  why: z.enum(['provision', 'approve', 'renew']),
  serial: z.string(),
  fingerprint: z.string().describe('SHA-256 of the certificate'),
  public_key: z.string().describe('SPKI, base64'),
  issued_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  revoked_at: z.iso.datetime().optional(),
});
const ledgerSchema = z.array(entrySchema);
export type IssuedEntry = z.output<typeof entrySchema>;

export interface Issue {
  readonly participant: Participant;
  readonly publicKey: KeyObject;
  readonly why: IssuedEntry['why'];
}

export interface Issued {
  readonly participant: Participant;
  readonly certificate: string;
  readonly expires: Date;
  readonly serial: string;
}

/** Issues certificates; each is in state/issued.json before anybody can hold it. @throws NF_CA_EXPIRED */
export async function issueCertificates(
  authority: Authority,
  issues: readonly Issue[],
  { now, days }: { now: Date; days: number },
): Promise<Issued[]> {
  mustBeValid(authority, now);
  const { issueLeaf } = await import('../certificate/issue.ts');
  const entries = await readLedger(authority);
  const issued: Issued[] = [];
  for (const { participant, publicKey, why } of issues) {
    const certificate = await issueLeaf(authority, { participant, publicKey, now, days });
    const leaf = new X509Certificate(certificate);
    const expires = new Date(leaf.validTo);
    const serial = leaf.serialNumber.toLowerCase();
    entries.push({
      name: participant.name,
      why,
      serial,
      fingerprint: certificateFingerprint(leaf),
      public_key: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      issued_at: now.toISOString(),
      expires_at: expires.toISOString(),
    });
    issued.push({ participant, certificate, expires, serial });
  }
  await writeFileAtomic(join(authority.folder, STATE.issued), prettyJson(entries));
  return issued;
}

/** Every certificate the authority made, oldest first. @throws NF_CA_BROKEN */
export async function readLedger({ folder }: Authority): Promise<IssuedEntry[]> {
  try {
    return ledgerSchema.parse(JSON.parse(await readInputText(join(folder, STATE.issued))));
  } catch (cause) {
    const reason = `${STATE.issued} cannot be read`;
    throw flError('NF_CA_BROKEN', { path: join(folder, STATE.folder), reason }, { cause });
  }
}

/** Marks every certificate of a participant as revoked and writes state/crl.pem. @returns the list, PEM */
export async function revokeCertificates(authority: Authority, name: string, now: Date): Promise<string> {
  mustBeValid(authority, now);
  const participant = participantOf(authority, name);
  const entries = (await readLedger(authority)).map((entry) =>
    entry.name === participant.name ? { revoked_at: now.toISOString(), ...entry } : entry,
  );
  const list = await listOf(authority, entries, now);
  await writeFileAtomic(join(authority.folder, STATE.issued), prettyJson(entries));
  await writeFileAtomic(join(authority.folder, STATE.revoked), list);
  return list;
}

/** Signs the list of the revoked anew, as of now, and writes state/crl.pem. @returns the list, PEM */
export async function listRevoked(authority: Authority, now: Date): Promise<string> {
  mustBeValid(authority, now);
  const list = await listOf(authority, await readLedger(authority), now);
  await writeFileAtomic(join(authority.folder, STATE.revoked), list);
  return list;
}

async function listOf(authority: Authority, entries: readonly IssuedEntry[], now: Date): Promise<string> {
  const revoked = entries.flatMap(({ serial, revoked_at: at }) =>
    at === undefined ? [] : [{ serial, at: new Date(at) }],
  );
  const { issueRevocations } = await import('../certificate/issue.ts');
  return issueRevocations(authority, revoked, now);
}

/** The key a participant's newest certificate is for. @throws NF_PARTICIPANT_UNKNOWN, NF_PARTICIPANT_NO_KIT */
export async function knownKey(
  authority: Authority,
  name: string,
): Promise<{ participant: Participant; publicKey: KeyObject }> {
  const participant = participantOf(authority, name);
  const entry = (await readLedger(authority)).findLast((one) => one.name === participant.name);
  if (entry?.revoked_at !== undefined) {
    throw flError('NF_PARTICIPANT_REVOKED', { name, date: isoDay(new Date(entry.revoked_at)) });
  }
  if (!entry) throw flError('NF_PARTICIPANT_NO_KIT', { name, project: authority.project.name });
  const key = Buffer.from(entry.public_key, 'base64');
  return { participant, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) };
}

/** @throws NF_PARTICIPANT_UNKNOWN with the nearest name */
export function participantOf({ project }: Authority, name: string): Participant {
  const found = project.participants.find((one) => one.name === name);
  if (found) return found;
  const names = project.participants.map((one) => one.name);
  throw flError('NF_PARTICIPANT_UNKNOWN', { project: project.name, name, nearest: didYouMean(name, names) });
}
