import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MemoryCache } from '../../base/memory-cache.ts';
import { bytesOf } from '../../base/tensors/nd-array.ts';

/** 256 MiB hold 52 000 times 1280 features. */
const BUDGET = 256 * 2 ** 20;
const DIGEST_BYTES = 32;

const cache = new MemoryCache<Float32Array>(BUDGET, ({ byteLength }) => byteLength);
let folder: string | undefined;
let writes = 0;

/** For the runner: where features of the tasks to come lie, beside those that this thread holds; undefined: nowhere. */
export function keepFeaturesIn(path: string | undefined): void {
  folder = path;
}

/**
 * What `make` gave for `key`, this time or before: in this thread, or on the disk of the site, where a run that is resumed and one of another recipe find it
 * again. A file that is not whole counts as none, and one that cannot be written is no failure: features can be made again.
 * @param key what the features follow from, 64 hex digits
 */
export function keptFeatures(key: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
  return cache.get(key, async () => {
    const path = folder && join(folder, key.slice(0, 2), key);
    const read = path && (await readKept(path));
    if (read) return read;
    const features = await make();
    if (path) await writeKept(path, features).catch(() => undefined);
    return features;
  });
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Little-endian float32, and behind them their SHA-256. */
async function readKept(path: string): Promise<Float32Array | undefined> {
  const file = await readFile(path).catch(() => undefined);
  if (!file || file.length < DIGEST_BYTES || file.length % 4 !== 0) return undefined;
  const values = Uint8Array.from(file.subarray(0, -DIGEST_BYTES));
  return digestOf(values).equals(file.subarray(-DIGEST_BYTES)) ? new Float32Array(values.buffer) : undefined;
}

async function writeKept(path: string, features: Float32Array): Promise<void> {
  const bytes = bytesOf(features);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  try {
    await writeFile(temporary, Buffer.concat([bytes, digestOf(bytes)]));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
