import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { flError } from '../errors/errors.ts';
import { writeFileAtomic } from './files.ts';

/** A folder into which a service writes, and in which it clears away. */
interface WrittenFolder {
  readonly root: string;
  /** Somebody has named the folder itself: then it may be a link. One that came with a kit may not. */
  readonly isNamed: boolean;
  /** Folders in it, by path, of which each entry is looked at, too; with `/*` also what lies in its folders. */
  readonly inner: readonly string[];
}

/** Of a client's work folder. @throws NF_PATH_LINK */
export function requireOwnWork(root: string, isNamed: boolean): Promise<void> {
  return requireNoLinks({ root, isNamed, inner: ['jobs/*', 'taken'] });
}

/** Of a server's state folder. @throws NF_PATH_LINK */
export function requireOwnState(root: string, isNamed: boolean): Promise<void> {
  return requireNoLinks({ root, isNamed, inner: ['jobs'] });
}

/** Of the folder of a run that goes on: somebody else may have made it. @throws NF_PATH_LINK */
export function requireOwnRun(root: string): Promise<void> {
  return requireNoLinks({ root, isNamed: true, inner: ['models', 'sites/*'] });
}

/**
 * Looks that no link leads out of a folder to another one of this machine: a kit may come from somebody else, and what is written and
 * cleared away must be its own.
 * @throws NF_PATH_LINK
 */
async function requireNoLinks({ root, isNamed, inner }: WrittenFolder): Promise<void> {
  if (!isNamed && (await lstat(root).catch(() => undefined))?.isSymbolicLink()) throw linked(root);
  await entriesOf(root);
  for (const path of inner) {
    const folder = join(root, path.replace('/*', ''));
    for (const name of await entriesOf(folder)) if (path.endsWith('/*')) await entriesOf(join(folder, name));
  }
}

/** Names of folders in a folder. @throws NF_PATH_LINK if it holds a link */
async function entriesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const link = entries.find((entry) => entry.isSymbolicLink());
  if (link) throw linked(join(folder, link.name));
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/**
 * As `writeFileAtomic`, for a file in a folder that may come from somebody else, by its path below: no folder on the way is a link, or what is written would
 * lie elsewhere on this machine. A link in the place of the file itself is replaced.
 * @throws NF_PATH_LINK
 */
export async function writeInside(root: string, path: string, content: Uint8Array | string): Promise<void> {
  await requireOwnPlace(root, path);
  await writeFileAtomic(join(root, path), content);
}

/** Looks that no folder between a folder and a path below it is a link; what is not there yet is none. @throws NF_PATH_LINK */
export async function requireOwnPlace(root: string, path: string): Promise<void> {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const found = await lstat(join(root, folder)).catch(() => undefined);
    if (found?.isSymbolicLink()) throw linked(join(root, folder));
  }
}

function linked(path: string) {
  return flError('NF_PATH_LINK', { path }, { place: { file: path } });
}
