import { chmod, chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobUser } from '../../security/policy/job-user.ts';
import type { JobFolders } from './job-folders.ts';

/**
 * Makes a job's files those of the user's group to read, and two folders the user's own: its scripts can change neither what
 * they run nor what the client knows of the job.
 */
export async function openToUser({ uid, gid }: JobUser, folder: JobFolders): Promise<void> {
  const { root, bundle, models, states, home, work } = folder;
  await handOver(root, { gid, mode: 0o750 });
  for (const tree of [bundle, models, states]) await openTree(tree, gid);
  for (const own of [home, work]) await handOver(own, { uid, gid, mode: 0o700 });
}

async function openTree(root: string, gid: number): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return;
  await handOver(root, { gid, mode: 0o750 });
  for (const entry of entries)
    await handOver(join(entry.parentPath, entry.name), { gid, mode: entry.isDirectory() ? 0o750 : 0o640 });
}

async function handOver(
  path: string,
  { uid = 0, gid, mode }: { uid?: number; gid: number; mode: number },
): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode);
}
