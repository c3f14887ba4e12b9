import { createCipheriv } from 'node:crypto';
import { addWords, subtractWords } from './ring.ts';

/** Words made at a time: 256 kB, which stay in the cache of common processors. */
const PART = 1 << 16;
const BLOCK_WORDS = 4;
const ZEROS = new Uint8Array((PART + BLOCK_WORDS) * 4);

/**
 * The mask of a key: AES-256 in counter mode over zeros (NIST SP 800-38A, section 6.5), its counter from 0, read as little-endian words of
 * 32 bits. A key is one of one session and one use, so that no two masks have a word in common but by chance.
 */
export interface Mask {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Whether it is added or taken off. */
  readonly sign: 1 | -1;
}

/** Puts masks on words, or takes them off, modulo 2^32. @param start where in the mask's stream the first of the words is */
export function applyMasks(words: Int32Array, start: number, masks: readonly Mask[]): void {
  for (const { key, sign } of masks) {
    const apply = sign === 1 ? addWords : subtractWords;
    for (let at = 0; at < words.length; at += PART) {
      const part = words.subarray(at, at + PART);
      apply(part, maskWords(key, start + at, part.length));
    }
  }
}

/** The same masks with the other signs. */
export function opposite(masks: readonly Mask[]): readonly Mask[] {
  return masks.map(({ key, sign }) => ({ key, sign: sign === 1 ? -1 : 1 }));
}

/** Words of a mask from one on. @param count at most 65,536 */
export function maskWords(key: Uint8Array, start: number, count: number): Int32Array {
  if (count > PART) throw new RangeError(`${count} words are more than ${PART}.`);
  const skipped = start % BLOCK_WORDS;
  const cipher = createCipheriv('aes-256-ctr', key, counterAt((start - skipped) / BLOCK_WORDS));
  const bytes = cipher.update(ZEROS.subarray(0, (skipped + count) * 4));
  // A view of words must begin at a multiple of four bytes.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset + skipped * 4, count);
}

function counterAt(block: number): Uint8Array {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(block), 8);
  return counter;
}
