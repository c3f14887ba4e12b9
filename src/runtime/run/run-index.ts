import { mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { makeFolder } from '../base/files/files.ts';
import { compareSites } from '../base/site-order.ts';
import { didYouMean } from '../base/text/nearest.ts';
import { type RunFolder, runFolder } from './run-folder.ts';

/** Where runs lie unless it is said. */
export const DEFAULT_WORKSPACE = 'work';
/** Stands for the newest run of a job. */
export const LATEST = 'latest';
const RUN_ID = /^\d{8}-\d{6}(-\d+)?$/;

/** Makes a new folder `WORKSPACE/<job>/<run id>`; the id is the time in UTC, so that runs sort by age. */
export async function createRunFolder(
  workspace: string,
  job: string,
  now: Date,
): Promise<{ id: string; folder: RunFolder }> {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  await makeFolder(join(workspace, job));
  for (let attempt = 1; ; attempt++) {
    const id = attempt === 1 ? stamp : `${stamp}-${attempt}`;
    try {
      await mkdir(join(workspace, job, id));
      return { id, folder: runFolder(join(workspace, job, id)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Points `WORKSPACE/<job>/latest` at a run; on a system without links the newest id is found by its name. */
export async function markLatest(workspace: string, job: string, id: string): Promise<void> {
  const link = join(workspace, job, LATEST);
  const draft = `${link}.${process.pid}`;
  await rm(draft, { force: true });
  await symlink(id, draft, 'dir').then(
    () => rename(draft, link),
    () => undefined,
  );
}

/** The folder of a run by its id, or of the newest one. @throws NF_RUN_NOT_FOUND */
export async function findRun(
  workspace: string,
  job: string,
  id = LATEST,
): Promise<{ id: string; folder: RunFolder }> {
  const ids = await listRuns(workspace, job);
  const wanted = id === LATEST ? await latestOf(workspace, job, ids) : id;
  if (wanted !== undefined && ids.includes(wanted)) {
    return { id: wanted, folder: runFolder(join(workspace, job, wanted)) };
  }
  const run = id === LATEST ? `of ${job}` : `'${id}' of ${job}`;
  const near = ids.length > 0 ? didYouMean(id, ids) : didYouMean(job, await listJobs(workspace));
  throw flError(
    'NF_RUN_NOT_FOUND',
    { run, workspace, nearest: near },
    { place: { file: join(workspace, job) } },
  );
}

/** Names of the jobs that have runs in a workspace. */
export async function listJobs(workspace: string): Promise<string[]> {
  const entries = await readdir(workspace, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const counts = await Promise.all(names.map(async (name) => (await listRuns(workspace, name)).length));
  return names.filter((_, index) => (counts[index] ?? 0) > 0).sort(compareSites);
}

/** Ids of a job's runs, oldest first. */
export async function listRuns(workspace: string, job: string): Promise<string[]> {
  const entries = await readdir(join(workspace, job), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
    .map(({ name }) => name)
    .sort(compareSites);
}

async function latestOf(workspace: string, job: string, ids: readonly string[]): Promise<string | undefined> {
  const linked = await readlink(join(workspace, job, LATEST)).catch(() => undefined);
  return linked !== undefined && ids.includes(linked) ? linked : ids.at(-1);
}
