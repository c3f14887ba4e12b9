import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { clearFolder } from '../../../base/files/clear-folder.ts';
import type { SiteJobFolder } from './client-folder.ts';

/** Of what a script keeps, by its digest. What has another name was being taken when a client ended. */
const WHOLE = /^[0-9a-f]{64}$/;

/** Forgets the files of a job that is over here, but its log, what its script keeps, and what a sum in secret that is not open yet needs. */
export async function clearJob(folder: SiteJobFolder): Promise<void> {
  const kept: readonly string[] = [folder.log, folder.states, folder.masked];
  const names = await readdir(folder.root).catch(() => []);
  const gone = names.map((name) => join(folder.root, name)).filter((path) => !kept.includes(path));
  await Promise.all(gone.map(clearFolder));
}

/** Digests of what a job's script keeps at this site. */
export async function statesIn({ states }: SiteJobFolder): Promise<string[]> {
  return (await readdir(states).catch(() => [])).filter((name) => WHOLE.test(name));
}

/** Whether a job that is over here keeps something for the case that it goes on. */
export async function keepsAny(folder: SiteJobFolder): Promise<boolean> {
  return (await statesIn(folder)).length > 0 || existsSync(folder.masked);
}

/** What an earlier client had begun to take of what a script keeps. */
export async function clearUnfinished({ states }: SiteJobFolder): Promise<void> {
  const left = (await readdir(states).catch(() => [])).filter((name) => !WHOLE.test(name));
  await Promise.all(left.map((name) => clearFolder(join(states, name))));
}

/** Of what a script kept in earlier tasks only the one that a task now begins with is needed, and the one before, should the server go back. */
export async function clearOldStates(folder: SiteJobFolder, named: string): Promise<void> {
  const found = await Promise.all(
    (await statesIn(folder)).map(async (name) => ({ name, at: (await stat(folder.state(name))).mtimeMs })),
  );
  const now = found.find(({ name }) => name === named);
  // What is newer is the answer to a task that is done again.
  const older = found.filter(({ name, at }) => now && name !== named && at <= now.at);
  const [, ...gone] = older.toSorted((a, b) => b.at - a.at);
  for (const { name } of gone) await clearFolder(folder.state(name));
}
