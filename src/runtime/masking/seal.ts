import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** AES-256-GCM (NIST SP 800-38D), a random nonce before and the tag behind what is sealed. */

const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
/** How much longer a message is once it is sealed. */
export const SEAL_BYTES = NONCE + TAG;

/** @param about what the message must not be taken away from; it is not part of it */
export function seal(key: Uint8Array, message: Uint8Array, about: string): Uint8Array {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(about));
  return new Uint8Array(Buffer.concat([nonce, cipher.update(message), cipher.final(), cipher.getAuthTag()]));
}

/** The message; undefined where the key, what it is about or a bit of it is another. */
export function unseal(key: Uint8Array, sealed: Uint8Array, about: string): Uint8Array | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(-TAG));
  try {
    const message = decipher.update(sealed.subarray(NONCE, -TAG));
    return new Uint8Array(Buffer.concat([message, decipher.final()]));
  } catch {
    return undefined;
  }
}
