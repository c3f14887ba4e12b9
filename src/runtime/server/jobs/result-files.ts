import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { compareText } from '../../kernel/compare-text.ts';
import { sha256File } from '../../kernel/digest.ts';
import { flError } from '../../kernel/errors.ts';
import { isTemporary } from '../../workspace/files.ts';
import type { JobFolder } from '../state-folder.ts';
import { PACKED_BUNDLE } from './packed-file.ts';

export interface ResultFile {
  /** From the job's folder, with forward slashes. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** What `job download` brings. Work files and the travelling form of the bundle are the server's own. */
export async function resultFiles(folder: JobFolder): Promise<ResultFile[]> {
  const paths = await listPaths(folder);
  return Promise.all(
    paths.map(async (path) => ({
      path,
      size: (await stat(folder.at(path))).size,
      sha256: await sha256File(folder.at(path)),
    })),
  );
}

/** Where a result file lies. Only names of the list lead anywhere. @throws NF_FILE_UNKNOWN */
export async function resultFile(folder: JobFolder, path: string): Promise<string> {
  if (!(await listPaths(folder)).includes(path)) throw flError('NF_FILE_UNKNOWN', { path });
  return folder.at(path);
}

async function listPaths(folder: JobFolder): Promise<string[]> {
  const entries = await readdir(folder.root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.root.length + 1)
        .split(sep)
        .join('/'),
    )
    .filter((path) => path !== PACKED_BUNDLE && !/^(blobs|uploads)\//.test(path) && !isTemporary(path))
    .sort(compareText);
}
