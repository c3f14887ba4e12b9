import { existsSync } from 'node:fs';

/** Whether a file or folder is there, as far as this process may know: that of a job may not look into folders above our own. */
export function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}
