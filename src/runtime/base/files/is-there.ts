import { statSync } from 'node:fs';

/**
 * Whether a file or folder is there, as far as this process may know: that of a job may not look into folders above our own. It asks with
 * what the process may do now: `existsSync` asks for the user behind it (access(2)), to whom a folder of root's alone is closed.
 */
export function isThere(path: string | URL): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
