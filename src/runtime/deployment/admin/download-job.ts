import { lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { sha256File } from '../../base/digest.ts';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { makeFolder, syncFolder } from '../../base/files/files.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { download, partOf } from '../../network/transfer/download.ts';
import { isPassing } from '../../network/transfer/failures.ts';
import type { Admin } from './admin.ts';

export interface DownloadOptions {
  /** Folder to make. */
  readonly target: string;
  /** Takes the place of a folder that is there. */
  readonly force: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface DownloadedJob {
  readonly folder: string;
  readonly files: readonly ResultFile[];
}

interface ResultFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Where a file goes. */
type Wanted = ResultFile & { readonly target: string };

const MOST_TRIES = 20;

/**
 * Brings the files of a finished job. What has come stays when the line breaks: the same command goes on from there, and the folder
 * appears when all of it is there. What waits is taken by its digest alone, as the job may have been resumed since; the rest is removed.
 * @throws NF_JOB_NOT_OVER, NF_DOWNLOAD_EXISTS; NF_RESULT_DAMAGED when all that is whole has come
 */
export async function downloadJob(
  admin: Admin,
  id: string,
  { target, force, progress, signal }: DownloadOptions,
): Promise<DownloadedJob> {
  const folder = resolve(target);
  if ((await stat(folder).catch(() => undefined)) && !force)
    throw flError('NF_DOWNLOAD_EXISTS', { path: target }, { place: { file: target } });
  const { files, damaged } = await admin.files(id);
  const partial = `${folder}.partial`;
  const wanted = files.map((file) => ({ ...file, target: inside(partial, file.path) }));
  await keepOnly(partial, wanted);
  await makeFolder(partial);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const file of wanted) {
    await fetchResultFile(admin, { id, file, signal });
    done += file.size;
    progress({ what: 'downloaded', done, total, unit: 'bytes' });
  }
  if (force) await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  await syncFolder(dirname(folder));
  if (damaged.length > 0) {
    const names = damaged.map(({ path, reason }) => `${path} (${reason})`).join(', ');
    throw flError('NF_RESULT_DAMAGED', { job: id, files: names }, { place: { file: folder } });
  }
  return { folder, files };
}

/** Of what an earlier try has left, nothing but files of the list, whole or in part: no links, and nothing else that was put there. */
async function keepOnly(folder: string, wanted: readonly Wanted[]): Promise<void> {
  const files = new Set(wanted.flatMap((file) => [file.target, partOf(file)]));
  const there = await lstat(folder).catch(() => undefined);
  if (!there?.isDirectory()) return rm(folder, { force: true });
  const tidy = async (parent: string): Promise<void> => {
    for (const entry of await readdir(parent, { withFileTypes: true })) {
      const path = join(parent, entry.name);
      if (entry.isDirectory() && [...files].some((file) => file.startsWith(path + sep))) await tidy(path);
      else if (!(entry.isFile() && files.has(path))) await rm(path, { recursive: true, force: true });
    }
  };
  await tidy(folder);
}

/** One file of a finished job. What has come of it stays, and is gone on with. @throws NF_RESULT_DAMAGED */
export async function fetchResultFile(
  admin: Admin,
  { id, file, signal }: { id: string; file: Wanted; signal: AbortSignal },
): Promise<void> {
  const { target, size, sha256 } = file;
  const path = `/v1/jobs/${id}/files/${file.path.split('/').map(encodeURIComponent).join('/')}`;
  if (await isWhole(file)) return;
  await rm(target, { force: true });
  for (let tries = 1; ; tries++) {
    try {
      await download(admin.connection, { path, target, size, sha256, signal });
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (!isPassing(error) || tries >= MOST_TRIES) throw error;
    }
  }
}

/** What cannot be read is fetched. */
async function isWhole({ target, size, sha256 }: Wanted): Promise<boolean> {
  const there = await stat(target).catch(() => undefined);
  return there?.size === size && (await sha256File(target).catch(() => undefined)) === sha256;
}

/** A server is not asked where on this machine its files go. */
function inside(folder: string, path: string): string {
  const target = resolve(folder, path);
  if (target.startsWith(folder + sep) && !path.includes('\\')) return join(target);
  throw flError('NF_SERVER_ANSWER', {
    address: 'the server',
    reason: `'${path}' is no path inside a folder`,
  });
}
