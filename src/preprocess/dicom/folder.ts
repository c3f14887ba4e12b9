import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';

export interface FolderFiles {
  /** Absolute paths, sorted. */
  readonly files: readonly string[];
  /** Folders that may not be read, links that lead to folders, out of the source or nowhere, pipes and devices. */
  readonly notFollowed: number;
}

/**
 * All files below a folder, with whatever name; links to files are followed where they stay inside. Nothing that a name holds is said in an
 * error: names of folders are often those of patients.
 * @throws NF_PATH_MISSING, NF_DICOM_NO_FOLDER
 */
export async function filesBelow(folder: string): Promise<FolderFiles> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw flError(
      'NF_PATH_MISSING',
      { what: 'Source folder', path: folder },
      { place: { file: folder }, cause },
    );
  });
  if (!(await stat(root)).isDirectory())
    throw flError('NF_DICOM_NO_FOLDER', { path: folder }, { place: { file: folder } });
  const found: string[] = [];
  let notFollowed = 0;
  const open = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const folderPath = next;
    const entries = await readdir(folderPath, { withFileTypes: true }).catch(() => undefined);
    if (!entries) notFollowed++;
    for (const entry of entries ?? []) {
      const path = join(folderPath, entry.name);
      if (entry.isDirectory()) open.push(path);
      else if (await isFile(path, { entry, root })) found.push(path);
      else notFollowed++;
    }
  }
  return { files: found.sort((a, b) => compareText(relative(root, a), relative(root, b))), notFollowed };
}

async function isFile(path: string, { entry, root }: { entry: Dirent; root: string }): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  const target = await realpath(path).catch(() => undefined);
  return target?.startsWith(root + sep) === true && (await stat(target)).isFile();
}
