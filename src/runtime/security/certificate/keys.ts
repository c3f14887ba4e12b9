import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type X509Certificate,
} from 'node:crypto';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { readInputText } from '../../base/files/read-file.ts';

export const EC_KEY = { name: 'ECDSA', namedCurve: 'P-256' };
export const PRIVATE_MODE = 0o600;
export const PRIVATE_FOLDER_MODE = 0o700;
const OTHERS = 0o077;

const generate = promisify(generateKeyPair);

export async function newPrivateKey(): Promise<KeyObject> {
  const { privateKey } = await generate('ec', { namedCurve: EC_KEY.namedCurve });
  return privateKey;
}

/** PKCS #8 PEM, readable by its owner only from its first byte on. */
export async function writePrivateKey(path: string, key: KeyObject): Promise<void> {
  await writeFileAtomic(path, keyPem(key), { mode: PRIVATE_MODE });
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** @throws NF_KEY_EXPOSED, NF_KEY_INVALID */
export async function readPrivateKey(path: string): Promise<KeyObject> {
  const exposed = await exposedMode(path);
  const place = { file: path };
  if (exposed !== undefined) throw flError('NF_KEY_EXPOSED', { path, mode: exposed }, { place });
  try {
    return createPrivateKey(await readInputText(path));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw flError(
      'NF_KEY_INVALID',
      { path, reason: missing ? 'it does not exist' : 'it is no PEM key' },
      { place, cause },
    );
  }
}

/** The mode of a key that group or world may read, like `0644`. Windows has no such bits. */
export async function exposedMode(path: string): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const { mode } = await stat(path).catch(() => ({ mode: 0 }));
  return (mode & OTHERS) === 0 ? undefined : (mode & 0o777).toString(8).padStart(4, '0');
}

/** SHA-256 of a public key (its SubjectPublicKeyInfo): what two people read to each other. 64 hex digits. */
export function keyFingerprint(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` gives it; 64 hex digits. */
export function certificateFingerprint(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** @throws NF_FINGERPRINT_INVALID, NF_FINGERPRINT_MISMATCH */
export function checkFingerprint(what: string, found: string, expected: string | undefined): void {
  if (expected === undefined) return;
  const digits = expected
    .trim()
    .replace(/^sha256:/i, '')
    .replaceAll(/[:\s]/g, '')
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw flError('NF_FINGERPRINT_INVALID', { text: expected });
  if (digits !== found) throw flError('NF_FINGERPRINT_MISMATCH', { what, found, expected: digits });
}

/** True if the PEM text is the private half of the public key. */
export function isKeyOf(pem: string, publicKey: KeyObject): boolean {
  try {
    return keyFingerprint(createPublicKey(pem)) === keyFingerprint(publicKey);
  } catch {
    return false;
  }
}
