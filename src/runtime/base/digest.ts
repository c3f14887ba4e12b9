import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { compareText } from './text/compare-text.ts';
import { printableLine } from './text/printable.ts';

/** SHA-256 as 64 lower-case hex digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes read at a time, always into the same memory: a buffer for each part of a large file keeps the collector busy. */
const PART = 1024 * 1024;

/** SHA-256 of a file, read part by part. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  await hashFile(path, hash);
  return hash.digest('hex');
}

/** Takes a file's bytes into a hash. */
export async function hashFile(path: string, hash: Hash): Promise<void> {
  const file = await open(path, 'r');
  try {
    await hashOpen(file, hash);
  } finally {
    await file.close();
  }
}

/** As `hashFile`, of a file that is open. @param most bytes that are read: one that grows has no end */
export async function hashOpen(
  file: FileHandle,
  hash: Hash,
  most: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PART, (await file.stat()).size + 1));
  for (let position = 0; position < most; ) {
    const length = Math.min(buffer.length, most - position);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    if (bytesRead === 0) return;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** JSON as files have it that people read, too: nothing in it is obeyed by a terminal that shows it. */
export function prettyJson(value: unknown): string {
  return printableLine(`${JSON.stringify(value, null, 2)}\n`);
}

/** JSON with sorted keys and no spaces, so that equal values have equal digests. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => compareText(a, b)))
      : item,
  );
}
