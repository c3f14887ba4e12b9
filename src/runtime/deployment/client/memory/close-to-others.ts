import { chmod } from 'node:fs/promises';
import { makeFolder } from '../../../base/files/files.ts';
import type { ClientFolder } from './client-folder.ts';

/**
 * Logs and lists of jobs are for the client's user alone: all that the client makes from now on, and the work folder with what an
 * earlier one has left there. A user of the jobs' own must get through to their folders, and sees no names on the way.
 */
export async function closeToOthers(folder: ClientFolder, letThrough: boolean): Promise<void> {
  // One mask holds for the whole process, which is the client's.
  process.umask(letThrough ? 0o066 : 0o077);
  await makeFolder(folder.jobs);
  for (const path of [folder.root, folder.jobs]) await chmod(path, letThrough ? 0o711 : 0o700);
}
