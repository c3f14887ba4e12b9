import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { contentAbsent, linkFault, pointerOf } from '../content/absent.ts';

/**
 * The bytes of a text of a data set. Whoever made the data set has made its links: what they lead to outside of it is another file of this machine, and
 * would come along into whatever is made of the data set.
 * @throws NF_BIDS_FILE_OUTSIDE, as `readInput`
 */
export async function readInside(bidsRoot: string, path: string): Promise<Buffer> {
  await requireInside(bidsRoot, path);
  return readInput(path);
}

/**
 * As `readInside`, for what is carried over into another data set.
 * @throws NF_BIDS_FILE_OUTSIDE, NF_BIDS_CONTENT_ABSENT, NF_BIDS_LINK; the system's error for what is not there
 */
export async function readContent(bidsRoot: string, path: string): Promise<Buffer> {
  const bytes = await readInside(bidsRoot, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw (await linkFault(path)) ?? error;
  });
  const pointer = pointerOf(bytes);
  if (pointer) throw contentAbsent(pointer, path);
  return bytes;
}

/** What is not there is said by whoever reads it. @throws NF_BIDS_FILE_OUTSIDE for a link that leads out of the data set */
export async function requireInside(bidsRoot: string, path: string): Promise<void> {
  if (await leadsOut(bidsRoot, path))
    throw flError('NF_BIDS_FILE_OUTSIDE', { path }, { place: { file: path } });
}

/** Whether a path leads out of the data set by its links; false for what is not there. */
export async function leadsOut(bidsRoot: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real !== undefined && !real.startsWith((await realpath(bidsRoot)) + sep);
}

/**
 * Where a file of a subject really lies. Links are common in BIDS (DataLad), so they are followed, but never out of the data set.
 * @param root the data set, itself no link
 * @throws NF_BIDS_IMAGE_OUTSIDE, NF_BIDS_CONTENT_ABSENT, NF_BIDS_LINK
 */
export async function realInside(
  path: string,
  { root, participant }: { root: string; participant: string },
): Promise<string> {
  const real = await realpath(path).catch(async (cause: unknown) => {
    throw (await linkFault(path)) ?? cause;
  });
  if (real.startsWith(root + sep)) return real;
  throw flError('NF_BIDS_IMAGE_OUTSIDE', { participant, path }, { place: { file: path } });
}
