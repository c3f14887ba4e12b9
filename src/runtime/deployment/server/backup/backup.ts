import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { prettyJson, sha256File } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { copyFileAtomic, isTemporary, writeFileAtomic } from '../../../base/files/files.ts';
import { ownFolder } from '../../../base/files/own-folder.ts';
import { compareText } from '../../../base/text/compare-text.ts';
import { loadJob } from '../../../job/load.ts';
import { isFinished } from '../../../network/messages/admin.ts';
import { replayEvents } from '../../../run/history.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import { copyChainedLog } from '../../../security/logs/chained-log.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts';
import { ownFiles } from '../jobs/job-files.ts';
import { eventsOf, modelsToGoOn } from '../jobs/job-results.ts';
import { type StateFolder, stateFolder } from '../state-folder.ts';

/** backup.json: what a backup consists of, so that a restore can tell whether it is whole. */
export const manifestSchema = z.strictObject({
  version: z.literal(1),
  created: z.iso.datetime(),
  files: z.array(z.strictObject({ path: z.string(), size: z.int(), sha256: z.string() })),
});
export const MANIFEST = 'backup.json';

const MOST_TRIES = 10;
/** Without it a server would begin anew. */
export const DATABASE = 'state.db';
const SIDE_FILES = [`${DATABASE}-wal`, `${DATABASE}-shm`];
/** Codes of what happens when a job is deleted, or its files are, while they are copied. */
const GONE = new Set(['ENOENT', 'NF_JOB_NOT_FOUND']);

export interface BackupResult {
  readonly folder: string;
  readonly jobs: number;
  readonly files: number;
  /** Bytes. */
  readonly size: number;
}

/**
 * A copy of a server's state from which it can go on, made while it runs: the database at one moment, and every file that it
 * names. The folder appears whole or not at all.
 * @throws NF_PATH_MISSING, NF_BACKUP_EXISTS, NF_BACKUP_MOVING
 */
export async function backupServer(stateDir: string, target: string): Promise<BackupResult> {
  const state = stateFolder(resolve(stateDir));
  const folder = resolve(target);
  if (!(await stat(state.database).catch(() => undefined)))
    throw flError('NF_PATH_MISSING', { what: 'State of a server', path: state.database });
  if (await stat(folder).catch(() => undefined)) throw flError('NF_BACKUP_EXISTS', { path: target });
  const partial = `${folder}.partial`;
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      await rm(partial, { recursive: true, force: true });
      await ownFolder(partial);
      const jobs = await copyAll(state, partial);
      if (jobs === undefined) continue;
      const files = await listFiles(partial);
      const manifest = { version: 1, created: new Date().toISOString(), files };
      await writeFileAtomic(join(partial, MANIFEST), prettyJson(manifest));
      await rename(partial, folder);
      return { folder, jobs, files: files.length, size: files.reduce((sum, { size }) => sum + size, 0) };
    }
    throw flError('NF_BACKUP_MOVING');
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Undefined if a file that the copied database names was gone before it could be copied. */
async function copyAll(state: StateFolder, target: string): Promise<number | undefined> {
  // First the log: the copied database then knows every job that it names.
  await copyChainedLog(state.audit, join(target, 'audit.jsonl'));
  const live = await openSqliteStore(state.database);
  try {
    await live.copyTo(join(target, DATABASE));
  } finally {
    await live.close();
  }
  const copy = await openSqliteStore(join(target, DATABASE));
  try {
    const records = await copy.jobs();
    for (const record of records) if (!(await copyJob(record, { copy, state, target }))) return undefined;
    return records.length;
  } finally {
    await copy.close();
  }
}

async function copyJob(
  record: JobRecord,
  { copy, state, target }: { copy: ServerStore; state: StateFolder; target: string },
): Promise<boolean> {
  const { root } = state.job(record.id);
  try {
    const all = await pathsBelow(root);
    const needed = isFinished(record.status) ? [] : await blobsOf(record, copy, state);
    const others = all.filter((path) => !/^(blobs|uploads)\//.test(path) && !isTemporary(path));
    for (const path of [...others, ...needed])
      await copyFileAtomic(join(root, path), join(target, 'jobs', record.id, path));
    return true;
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Files below a folder, with forward slashes. */
async function pathsBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)).split(sep).join('/'));
}

/** Models and accepted updates without which the job cannot go on. */
async function blobsOf(record: JobRecord, copy: ServerStore, state: StateFolder): Promise<string[]> {
  const { definition } = await loadJob(state.job(record.id).at(RUN_FILES.bundle));
  const history = await replayEvents(eventsOf(copy.journal(record.id)), definition.workflow);
  const files = [...modelsToGoOn(history, record), ...ownFiles(history)];
  return [...new Set(files.map(({ path }) => path))];
}

async function listFiles(root: string) {
  const paths = (await pathsBelow(root)).filter((path) => path !== MANIFEST && !SIDE_FILES.includes(path));
  return Promise.all(
    paths.sort(compareText).map(async (path) => ({
      path,
      size: (await stat(join(root, path))).size,
      sha256: await sha256File(join(root, path)),
    })),
  );
}
