import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { pathInJob } from '../../runtime/job/definition.ts';

/** The files of a job, and the folder that its paths start at. */
export interface GatheredFiles {
  /** Absolute. */
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

/** Relative imports of a script; what only looks like one, in a comment say, leads to no file and is passed over. */
const IMPORT = /\b(?:from|import)\s*(?:\(\s*)?(['"])(\.{1,2}\/[^'"\n]+)\1/g;
const SCRIPT = /\.[cm]?[jt]s$/;

/**
 * Reads scripts with the files they import, and theirs. Paths start at the current folder, unless a file lies outside
 * it: then at the deepest folder that holds them all.
 * @throws NF_PATH_MISSING
 */
export async function gatherFiles(
  paths: readonly { readonly what: string; readonly path: string }[],
): Promise<GatheredFiles> {
  const found = new Map<string, Uint8Array>();
  for (const { what, path } of paths) {
    if (!(await isFile(resolve(path))))
      throw flError('NF_PATH_MISSING', { what, path }, { place: { file: path } });
    await read(resolve(path), found);
  }
  const folder = folderOf([...found.keys()]);
  const files = [...found].map(([path, bytes]) => ({ path: placeIn(folder, path), bytes }));
  return { folder, files };
}

/** Where a file lies in the job. */
export function placeIn(folder: string, path: string): string {
  return pathInJob(path, folder).replace(/^\.\//, '');
}

async function read(path: string, found: Map<string, Uint8Array>): Promise<void> {
  if (found.has(path)) return;
  const bytes = await readInput(path);
  found.set(path, bytes);
  if (!SCRIPT.test(path)) return;
  for (const [, , specifier = ''] of new TextDecoder().decode(bytes).matchAll(IMPORT)) {
    const imported = resolve(dirname(path), specifier);
    if (await isFile(imported)) await read(imported, found);
  }
}

function folderOf(paths: readonly string[]): string {
  const current = process.cwd();
  if (paths.every((path) => isInside(current, path))) return current;
  const [first = current, ...others] = paths.map((path) => dirname(path));
  return others.reduce(commonFolder, first);
}

function commonFolder(a: string, b: string): string {
  let folder = a;
  while (folder !== dirname(folder) && !isInside(folder, join(b, 'file'))) folder = dirname(folder);
  return folder;
}

function isInside(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return (
    inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && resolve(folder, inside) === path
  );
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ?? false;
}
