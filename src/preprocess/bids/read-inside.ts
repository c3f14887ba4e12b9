import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';

/**
 * The bytes of a text of a data set. Whoever made the data set has made its links: what they lead to outside of it is another file of this machine, and
 * would come along into whatever is made of the data set.
 * @throws NF_BIDS_FILE_OUTSIDE, as `readInput`
 */
export async function readInside(bidsRoot: string, path: string): Promise<Buffer> {
  await requireInside(bidsRoot, path);
  return readInput(path);
}

/** What is not there is said by whoever reads it. @throws NF_BIDS_FILE_OUTSIDE for a link that leads out of the data set */
export async function requireInside(bidsRoot: string, path: string): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || real.startsWith((await realpath(bidsRoot)) + sep)) return;
  throw flError('NF_BIDS_FILE_OUTSIDE', { path }, { place: { file: path } });
}
