import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { chmod, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { sep } from 'node:path';

/** What an ordinary removal meets that others have made so: closed folders, and paths beyond what the system takes. */
const HARD = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG', 'ENOTEMPTY']);
const CLOSED = new Set(['EACCES', 'EPERM']);
const OPEN = 0o700;

/**
 * Removes a file or a folder into which others wrote, whatever they have made of it: folders without rights are given them back, and
 * those that lie too deep for a path are brought up first. Nothing happens where nothing is. Links are removed, never followed.
 */
export async function clearFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (thrown) {
    if (!HARD.has(codeOf(thrown))) throw thrown;
    await clearLevels(Buffer.from(path));
  }
}

/** Level by level: no path is longer than that of the root and two names, and no step stands on the stack for a level. */
async function clearLevels(root: Buffer): Promise<void> {
  const mark = randomBytes(8).toString('hex');
  let brought = 0;
  for (let level = await entriesOf(root); level.length > 0; level = await entriesOf(root)) {
    for (const entry of level) {
      const path = under(root, entry.name);
      if (!entry.isDirectory()) {
        await opening([root], () => unlink(path));
        continue;
      }
      for (const inner of await entriesOf(path)) {
        const from = under(path, inner.name);
        if (!inner.isDirectory()) {
          await opening([path], () => unlink(from));
          continue;
        }
        const to = under(root, Buffer.from(`${mark}-${brought++}`));
        // A folder that moves to another one is written to itself: its parent is another one then.
        await opening([root, path, from], () => rename(from, to));
      }
      await opening([root], () => rmdir(path));
    }
  }
  await rmdir(root);
}

/** Names as bytes: those that are no UTF-8 are removed, too. */
async function entriesOf(folder: Buffer): Promise<Dirent<Buffer>[]> {
  return opening([folder], () => readdir(folder, { withFileTypes: true, encoding: 'buffer' }));
}

/** Does something, and once more with rights on these folders where it is not allowed: a root that needs none changes none. */
async function opening<Result>(folders: readonly Buffer[], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!CLOSED.has(codeOf(thrown))) throw thrown;
    for (const folder of folders) await chmod(folder, OPEN);
    return work();
  }
}

function under(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from(sep), name]);
}

function codeOf(thrown: unknown): string {
  return (thrown as NodeJS.ErrnoException).code ?? '';
}
