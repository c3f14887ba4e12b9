import { chmod, mkdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { atPlace, flError, NeuroflareError } from '../base/errors/errors.ts';
import { makeFolder } from '../base/files/files.ts';
import { writeEditorFiles } from './editor-files.ts';
import { type LoadedJob, loadJob } from './load.ts';

/**
 * Makes a job folder that is whole or not there at all: what `fill` puts into it, which must load, and what editors
 * need (`tsconfig.json`, `.neuroflare/`).
 * @throws NF_JOB_EXISTS, and what `loadJob` throws
 */
export async function makeJobFolder(
  folder: string,
  fill: (draft: string) => Promise<void>,
): Promise<LoadedJob> {
  const target = resolve(folder);
  if (await stat(target).catch(() => undefined))
    throw flError('NF_JOB_EXISTS', { path: folder }, { place: { file: folder } });
  const parents = await makeFolder(dirname(target));
  const draft = join(dirname(target), `.${basename(target)}-${process.pid}`);
  await mkdir(draft);
  try {
    await fill(draft);
    await writeEditorFiles(draft);
    await loadJob(draft);
    await chmod(draft, 0o777 & ~process.umask());
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (parents !== undefined) await removeEmpty(dirname(target), parents);
    throw placedInTarget(error, draft, folder);
  }
  return loadJob(target);
}

/** Folders that were made for nothing; another process may have come to use them. */
async function removeEmpty(lowest: string, highest: string): Promise<void> {
  for (let folder = lowest; folder.startsWith(highest); folder = dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

/** The draft is gone when its fault is read: the file is named as it would have been. */
function placedInTarget(thrown: unknown, draft: string, folder: string): unknown {
  if (!(thrown instanceof NeuroflareError) || !thrown.place?.file?.startsWith(draft)) return thrown;
  const file = join(folder, relative(draft, thrown.place.file));
  return atPlace(thrown, { ...thrown.place, file });
}
