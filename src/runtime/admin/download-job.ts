import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { flError, toNeuroflareError } from '../kernel/errors.ts';
import type { Progress } from '../telemetry/progress.ts';
import { download } from '../transport/download.ts';
import { isPassing } from '../transport/failures.ts';
import { makeFolder, syncFolder } from '../workspace/files.ts';
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
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

const MOST_TRIES = 20;

/**
 * Brings the files of a finished job. What has come stays when the line breaks: the same command goes on from there, and the folder
 * appears when all of it is there.
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
  await makeFolder(partial);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const file of files) {
    const path = inside(partial, file.path);
    await fetchFile(admin, { id, path, file, signal });
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

async function fetchFile(
  admin: Admin,
  {
    id,
    path: target,
    file,
    signal,
  }: { id: string; path: string; file: { path: string; size: number; sha256: string }; signal: AbortSignal },
): Promise<void> {
  const path = `/v1/jobs/${id}/files/${file.path.split('/').map(encodeURIComponent).join('/')}`;
  const { size, sha256 } = file;
  for (let tries = 1; ; tries++) {
    try {
      if ((await stat(target).catch(() => undefined))?.size === size) return;
      await download(admin.connection, { path, target, size, sha256, signal });
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (!isPassing(error) || tries >= MOST_TRIES) throw error;
    }
  }
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
