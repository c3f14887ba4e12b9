import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';

/** Whom job processes run as, where that is not the client's own user. */
export interface JobUser {
  readonly uid: number;
  readonly gid: number;
}

/** The bit of a folder's mode that lets others go through it. */
const SEARCH = 0o1;

/**
 * Whether processes of this user can be started, and get to the folders they need: of jobs, of the site's data, of the code.
 * @throws NF_JOB_USER
 */
export async function requireJobUser(
  user: JobUser,
  { work, data }: { work: string; data?: string | undefined },
): Promise<void> {
  if (process.geteuid?.() !== 0) throw refused(user, 'the client does not run as root');
  const paths = [work, ...(data === undefined ? [] : [data]), PACKAGE_ROOT, dirname(process.execPath)];
  for (const folder of new Set(paths.flatMap(wayTo))) {
    const found = await stat(folder).catch(() => undefined);
    if (found && !letsThrough(found, user)) throw refused(user, `${folder} is closed to it`);
  }
}

function letsThrough(found: { uid: number; gid: number; mode: number }, { uid, gid }: JobUser): boolean {
  const shift = found.uid === uid ? 6 : found.gid === gid ? 3 : 0;
  return (found.mode & (SEARCH << shift)) !== 0;
}

/** A folder and all that it lies in, from the root on. */
function wayTo(path: string): string[] {
  const folder = resolve(path);
  return dirname(folder) === folder ? [folder] : [...wayTo(dirname(folder)), folder];
}

function refused({ uid }: JobUser, reason: string) {
  return flError('NF_JOB_USER', { uid, reason });
}
