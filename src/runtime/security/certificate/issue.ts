import 'reflect-metadata';
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { flError } from '../../base/errors/errors.ts';
import { type Participant, serverNames } from '../project/schema.ts';
import { type Subject, subjectOf } from './identity.ts';
import { EC_KEY } from './keys.ts';

/** X.509 v3 after RFC 5280, ECDSA on P-256 with SHA-256 (RFC 5480). This module alone loads the X.509 library. */

const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** A certificate made here must be good at once where the clock is behind, or was set to another time zone by mistake. */
const CLOCK_SKEW_MS = DAY_MS;

export interface Validity {
  readonly now: Date;
  readonly days: number;
}

/** Certificate of a new authority, signed by itself. @returns PEM */
export async function issueRoot(project: string, key: KeyObject, validity: Validity): Promise<string> {
  const keys = await keyPair(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: distinguishedName({ CN: project, O: project, OU: 'authority' }),
    ...period(validity),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      // digitalSignature: the authority signs the lists of kit files too.
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

export interface LeafRequest extends Validity {
  readonly participant: Participant;
  readonly publicKey: KeyObject;
}

/** Certificate of a participant; it ends with the authority's own at the latest. @returns PEM */
export async function issueLeaf(
  authority: { rootPem: string; rootKey: KeyObject },
  { participant, publicKey, ...validity }: LeafRequest,
): Promise<string> {
  const root = new x509.X509Certificate(authority.rootPem);
  const { privateKey } = await keyPair(authority.rootKey);
  const holder = await importPublic(publicKey);
  const { notBefore, notAfter } = period(validity);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: distinguishedName(subjectOf(participant)),
    issuer: root.subjectName,
    notBefore: notBefore < root.notBefore ? root.notBefore : notBefore,
    notAfter: notAfter > root.notAfter ? root.notAfter : notAfter,
    signingAlgorithm: SIGNING,
    publicKey: holder,
    signingKey: privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...purposeOf(participant),
      await x509.SubjectKeyIdentifierExtension.create(holder),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** The authority's list of certificates that count no more (RFC 5280, 5); good as long as the authority. @returns PEM */
export async function issueRevocations(
  authority: { rootPem: string; rootKey: KeyObject },
  revoked: readonly { serial: string; at: Date }[],
  now: Date,
): Promise<string> {
  const root = new x509.X509Certificate(authority.rootPem);
  const { privateKey } = await keyPair(authority.rootKey);
  const list = await x509.X509CrlGenerator.create({
    issuer: root.subjectName,
    thisUpdate: new Date(now.getTime() - CLOCK_SKEW_MS),
    nextUpdate: root.notAfter,
    entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: at })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(root.publicKey)],
    signingAlgorithm: SIGNING,
    signingKey: privateKey,
  });
  // OpenSSL knows the label of RFC 7468 alone.
  return `${list.toString('pem').replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL')}\n`;
}

/** PKCS #10 (RFC 2986), signed with the key it is for. @returns PEM */
export async function createRequest(name: string, key: KeyObject): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }],
    keys: await keyPair(key),
    signingAlgorithm: SIGNING,
  });
  return `${request.toString('pem')}\n`;
}

/** The key a request is for; only with the proof that its sender holds it. @throws Error with the reason */
export async function openRequest(pem: string): Promise<{ name: string; publicKey: KeyObject }> {
  const request = new x509.Pkcs10CertificateRequest(pem);
  const publicKey = createPublicKey({
    key: Buffer.from(request.publicKey.rawData),
    format: 'der',
    type: 'spki',
  });
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('its key is not ECDSA P-256');
  if (!(await request.verify())) throw new Error('its signature does not fit its key');
  return { name: request.subjectName.getField('CN').join(','), publicKey };
}

function purposeOf(participant: Participant): x509.Extension[] {
  if (participant.type !== 'server') {
    return [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])];
  }
  const names = serverNames(participant).map((value): x509.JsonGeneralName => {
    return isIP(value) === 0 ? { type: 'dns', value } : { type: 'ip', value };
  });
  return [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

/** As structured values, so that no character of a name can begin another field. */
function distinguishedName({ CN, O, OU }: Subject): x509.JsonName {
  return [{ CN: [CN] }, { O: [O] }, { OU: [OU] }];
}

function period({ now, days }: Validity): { notBefore: Date; notAfter: Date } {
  if (!(days > 0)) throw flError('NF_USAGE', { message: '--valid-days must be more than 0.' });
  return {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

/** 127 random bits: positive and never twice (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function keyPair(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, EC_KEY, true, ['sign']);
  return { privateKey, publicKey: await importPublic(createPublicKey(key)) };
}

function importPublic(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, EC_KEY, true, ['verify']);
}
