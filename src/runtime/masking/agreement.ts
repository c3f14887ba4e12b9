import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto';

/** X25519 (RFC 7748, section 6.1) with keys as their 32 bytes, and keys derived from what two sides have in common (HKDF, RFC 5869). */

/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC = Buffer.from('302a300506032b656e032100', 'hex');
export const KEY_BYTES = 32;

/** The public key of a secret. @param secret any 32 bytes */
export function publicOf(secret: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(secret)).export({ type: 'spki', format: 'der' });
  return new Uint8Array(der.subarray(PUBLIC.length));
}

/** What two sides have in common: 32 bytes. Undefined of a public key that is none: of another length, or of low order, with which all secrets make the same. */
export function agree(secret: Uint8Array, peer: Uint8Array): Uint8Array | undefined {
  if (peer.length !== KEY_BYTES) return undefined;
  const key = createPublicKey({ key: Buffer.concat([PUBLIC, peer]), type: 'spki', format: 'der' });
  try {
    return new Uint8Array(diffieHellman({ privateKey: privateKey(secret), publicKey: key }));
  } catch {
    return undefined;
  }
}

/** HKDF with SHA-256. @param salt binds the key to a session @param info to its use @param bytes at most 8,160 */
export function derive(
  secret: Uint8Array,
  { salt, info }: { readonly salt: Uint8Array; readonly info: Uint8Array | string },
  bytes = KEY_BYTES,
): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, bytes));
}

function privateKey(secret: Uint8Array) {
  if (secret.length !== KEY_BYTES) throw new RangeError(`A secret key has ${KEY_BYTES} bytes.`);
  return createPrivateKey({ key: Buffer.concat([PRIVATE, secret]), type: 'pkcs8', format: 'der' });
}
