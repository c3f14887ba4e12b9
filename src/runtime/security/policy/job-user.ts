import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';

/** Whom job processes run as, where that is not the client's own user. */
export interface JobUser {
  readonly uid: number;
  readonly gid: number;
}

/** What job processes must get to: folders of jobs, and the site's data. */
export interface JobReach {
  readonly work: string;
  readonly data?: string | undefined;
}

/** Bits of a mode: that lets others go through a folder, and that lets them read. */
const SEARCH = 0o1;
const READ = 0o4;
/** Of a data set, files and folders that are looked at. */
const MOST_ENTRIES = 50_000;
/** What git and DataLad keep there for themselves. */
const NOT_LOOKED_INTO = '.git';

/**
 * Whether processes of this user can be started, and get to the folders they need: of jobs, of the site's data, of the code.
 * @throws NF_JOB_USER
 */
export async function requireJobUser(user: JobUser, reach: JobReach): Promise<void> {
  if (process.geteuid?.() !== 0) throw refused(user, 'the client does not run as root');
  const closed = await closedWay(user, reach);
  if (closed !== undefined) throw refused(user, `${closed} is closed to it`);
}

/** A file or folder that a user needs and cannot read, by their modes; undefined where it gets to all of them. */
export async function closedTo(user: JobUser, reach: JobReach): Promise<string | undefined> {
  const code = join(PACKAGE_ROOT, 'package.json');
  if (!(await mayRead(code, user))) return code;
  return (await closedWay(user, reach)) ?? (reach.data && (await closedBelow(reach.data, user)));
}

async function closedWay(user: JobUser, { work, data }: JobReach): Promise<string | undefined> {
  const paths = [work, ...(data === undefined ? [] : [data]), PACKAGE_ROOT, dirname(process.execPath)];
  for (const folder of new Set(paths.flatMap(wayTo))) {
    const found = await stat(folder).catch(() => undefined);
    if (found && !lets(found, user, SEARCH)) return folder;
  }
  return undefined;
}

async function closedBelow(root: string, user: JobUser): Promise<string | undefined> {
  const folders = [root];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined && entries < MOST_ENTRIES; folder = folders.pop()) {
    if (!(await mayRead(folder, user, READ | SEARCH))) return folder;
    const listed = await readdir(folder, { withFileTypes: true });
    entries += listed.length;
    for (const entry of listed) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== NOT_LOOKED_INTO) folders.push(path);
      else if (!entry.isDirectory() && !(await mayRead(path, user))) return path;
    }
  }
  return undefined;
}

/** Whether it may be read; what is not there counts as that. */
async function mayRead(path: string, user: JobUser, bits = READ): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return !found || lets(found, user, bits);
}

function lets(
  found: { uid: number; gid: number; mode: number },
  { uid, gid }: JobUser,
  bits: number,
): boolean {
  const shift = found.uid === uid ? 6 : found.gid === gid ? 3 : 0;
  return ((found.mode >> shift) & bits) === bits;
}

/** A folder and all that it lies in, from the root on. */
function wayTo(path: string): string[] {
  const folder = resolve(path);
  return dirname(folder) === folder ? [folder] : [...wayTo(dirname(folder)), folder];
}

function refused({ uid }: JobUser, reason: string) {
  return flError('NF_JOB_USER', { uid, reason });
}
