import { stat } from 'node:fs/promises';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { withMemory } from '../../runtime/base/threads/memory-share.ts';

/** Of a file that is large itself its own bytes are held beside what is made of them. */
const LARGE_FILE_BYTES = 2 ** 26;

/**
 * Does something with all bytes of a volume's file; `isAlone`: while it has all memory that threads share, so that nothing else that is large is read, and
 * nothing in `work` may ask for memory again.
 * @throws as `readInput`
 */
export async function withBytes<Value>(
  path: string,
  work: (bytes: Buffer, isAlone: boolean) => Promise<Value>,
): Promise<Value> {
  const { size } = await stat(path);
  return withRead({ size, read: () => readInput(path, DATA_LIMITS.image_bytes.most) }, work);
}

/** As `withBytes`, for a file of a known size and whatever reads it. */
export async function withRead<Bytes, Value>(
  { size, read }: { size: number; read: () => Promise<Bytes> },
  work: (bytes: Bytes, isAlone: boolean) => Promise<Value>,
): Promise<Value> {
  if (size <= LARGE_FILE_BYTES) return work(await read(), false);
  return withMemory(DATA_LIMITS.decoded_bytes.most, async () => work(await read(), true));
}
