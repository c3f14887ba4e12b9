import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { withoutPaths } from '../bids/without-paths.ts';
import { absentText, linkEnd } from '../content/absent.ts';
import type { Fault, PictureFault } from '../image/fault.ts';
import { volumeFiles, volumeFormat } from '../volume/read-volume.ts';

/** What systems leave in folders. */
const LITTER = /^(\..*|Thumbs\.db|desktop\.ini|__MACOSX|@eaDir)$/i;

/** The real path of a source folder. @throws NF_PATH_MISSING */
export async function sourceRoot(source: string): Promise<string> {
  return realpath(source).catch((cause: unknown) => {
    const params = { what: 'Source folder', path: source };
    throw flError('NF_PATH_MISSING', params, { place: { file: source }, cause });
  });
}

/** Entries without what systems leave, sorted by name. @throws NF_PATH_MISSING for a link to nothing */
export async function listFolder(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ELOOP') throw cause;
    const params = { what: 'Folder behind the link', path };
    throw flError('NF_PATH_MISSING', params, { place: { file: path }, cause });
  });
  return entries.filter((entry) => !LITTER.test(entry.name)).sort((a, b) => compareText(a.name, b.name));
}

/** Names of the folders in a folder; a link that leads nowhere counts as one, so that it is named and not passed over. */
export async function folderNames(path: string): Promise<string[]> {
  const entries = await listFolder(path);
  const folders = await Promise.all(entries.map(async (entry) => isFolder(join(path, entry.name), entry)));
  return entries.filter((_, at) => folders[at]).map((entry) => entry.name);
}

async function isFolder(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(path).then(
    (target) => target.isDirectory(),
    () => true,
  );
}

/** What is wrong with a file, before it is opened. */
export interface FileFault {
  readonly code: PictureFault;
  readonly detail: string;
}

/** A regular file inside the source has no fault. `root` is a real path, `path` is below it or leads there. */
export async function fileFault(root: string, path: string): Promise<FileFault | undefined> {
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => error);
  if (target instanceof Error) return missing(path, target);
  if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) {
    return { code: 'link_outside', detail: 'leads out of the source folder' };
  }
  const kind = await stat(target);
  if (kind.isDirectory()) return { code: 'folder_in_class', detail: 'a folder among the images' };
  if (!kind.isFile()) return { code: 'not_a_file', detail: 'a pipe, socket or device' };
  const { picture_bytes: picture, image_bytes: volume } = DATA_LIMITS;
  const { most } = volumeFormat(path) ? volume : picture;
  if (kind.size > most) return { code: 'too_large', detail: `${kind.size} bytes` };
  return undefined;
}

/**
 * All files of some volumes of a source: with the other halves of pairs, and the voxels of headers, which may be links that lead out of it as well. What is
 * not there is told by whoever reads it.
 */
export async function filesOfVolumes(
  root: string,
  paths: readonly string[],
): Promise<{ readonly files: readonly string[] } | Pick<Fault, 'code' | 'detail'>> {
  try {
    const files = (await Promise.all(paths.map(volumeFiles))).flat();
    for (const file of files) {
      const fault = await fileFault(root, file);
      if (fault?.code === 'link_outside') return fault;
    }
    return { files };
  } catch (thrown) {
    if (!(thrown instanceof NeuroflareError) || thrown.exitCode !== 4) throw thrown;
    return { code: thrown.code, detail: withoutPaths(thrown.message, paths) };
  }
}

async function missing(path: string, cause: NodeJS.ErrnoException): Promise<FileFault> {
  const end = (await linkEnd(path))?.kind;
  if (end === 'annex') return { code: 'content_absent', detail: absentText('git-annex') };
  if (end) return { code: 'link_broken', detail: end === 'loop' ? 'a link in a loop' : 'a link to nothing' };
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return { code: 'missing', detail: 'no such file' };
  return { code: 'unreadable', detail: `it cannot be looked at (${cause.code})` };
}
