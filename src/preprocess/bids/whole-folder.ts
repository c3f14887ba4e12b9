import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder, syncFolder } from '../../runtime/base/files/files.ts';

/**
 * Makes a folder that is there whole or not at all: it is filled beside its place and renamed at the end, so a failure or an abort leaves
 * nothing.
 * @param target absolute; nothing is there
 * @throws what `fill` throws; the signal's reason when aborted
 */
export async function makeWholeFolder<Result>(
  target: string,
  signal: AbortSignal,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  const name = `.${basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const folder = join(dirname(target), name);
  await makeFolder(folder);
  try {
    const result = await fill(folder);
    signal.throwIfAborted();
    await rename(folder, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
