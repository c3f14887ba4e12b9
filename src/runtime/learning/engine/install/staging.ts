import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What an installation adds to the package. `lib` holds the binding: without it the package counts as bare. */
const ADDED = ['deps', 'lib'] as const;
const LEFT_OUT = new Set<string>([...ADDED, 'build', 'node_modules']);
const PREFIX = '.neuroflare-install-';

/**
 * Copies a package, without its native parts, into a working folder beside it, where its dependencies are found as
 * from its own place. Working folders of processes that were killed are removed.
 */
export async function stagePackage(folder: string): Promise<string> {
  const beside = dirname(folder);
  await removeAbandoned(beside);
  const staged = join(beside, `${PREFIX}${process.pid}`);
  await mkdir(staged);
  const keep = (path: string) => dirname(path) !== folder || !LEFT_OUT.has(basename(path));
  await cp(folder, staged, { recursive: true, filter: keep });
  const dependencies = join(folder, 'node_modules');
  if (existsSync(dependencies)) await symlink(dependencies, join(staged, 'node_modules'), 'junction');
  return staged;
}

/** Moves the native parts into the package. Stopped at any moment, the package is as before, bare, or complete. */
export async function placeNativeParts(staged: string, folder: string): Promise<void> {
  for (const part of ADDED.toReversed()) {
    if (existsSync(join(folder, part))) await rename(join(folder, part), join(staged, `former-${part}`));
  }
  for (const part of ADDED) await rename(join(staged, part), join(folder, part));
}

export async function removeStaged(staged: string): Promise<void> {
  await rm(staged, { recursive: true, force: true });
}

async function removeAbandoned(beside: string): Promise<void> {
  for (const name of await readdir(beside)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN;
    if (Number.isInteger(pid) && !(pid !== process.pid && isAlive(pid)))
      await removeStaged(join(beside, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
