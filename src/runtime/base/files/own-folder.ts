import { chmod } from 'node:fs/promises';
import { makeFolder } from './files.ts';

/** Bits that nobody but the owner gets. */
const OTHERS = 0o077;
const OWN = 0o700;

/**
 * Makes a folder, or closes the one that is there, for this process's user alone, and whatever the process makes from now on: models, updates and logs are
 * nothing for other users of the machine. False where the folder is there and belongs to another user, who alone can close it.
 */
export async function ownFolder(path: string): Promise<boolean> {
  // One mask holds for the whole process.
  process.umask(OTHERS);
  await makeFolder(path);
  return chmod(path, OWN).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM') throw error;
      return false;
    },
  );
}
