import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { flError } from '../errors/errors.ts';
import { identifyProcess, isProcessAlive } from '../processes/process-identity.ts';
import { putFile } from './files.ts';

/** A process that was just killed may still be there for a moment. */
const ATTEMPTS = 10;
const PAUSE_MS = 200;
/** A lock without content is being written at this moment, unless it stays so. */
const ATTEMPTS_WHILE_EMPTY = 3;
/** A takeover lasts milliseconds; one this old was cut short. */
const TAKEOVER_MS = 10_000;

/**
 * Keeps a second process off a folder by a file in it; a lock whose process is gone is taken over. Returns what releases it.
 * @param what is locked, for the message: `The run 20260101-120000`
 * @throws NF_PATH_BUSY
 */
export async function lockFolder(path: string, what: string): Promise<() => Promise<void>> {
  let holder: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    holder = await tryLock(path);
    if (holder === undefined) return () => rm(path, { force: true });
    const held = holder === '' ? attempt < ATTEMPTS_WHILE_EMPTY : await isProcessAlive(holder);
    if (held || !(await removeStale(path, holder))) await sleep(PAUSE_MS);
  }
  throw flError('NF_PATH_BUSY', { what, pid: holder?.split(' ')[0] ?? '' }, { place: { file: path } });
}

/** True while the process that locked a folder is there. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readFile(path, 'utf8').catch(() => '');
  return isProcessAlive(holder);
}

/** Undefined when the lock is ours now, else who holds it: a process id and when it started. */
async function tryLock(path: string): Promise<string | undefined> {
  try {
    await putFile(path, await identifyProcess(process.pid), { exclusive: true });
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return readFile(path, 'utf8').catch(() => '');
    // A full disk has room for the name alone.
    if (code === 'ENOSPC') await rm(path, { force: true });
    throw error;
  }
}

/**
 * Removes the lock of a process that is gone. One at a time: of two that found the same stale lock, the slower one would
 * remove what the faster one has put in its place. False if another process is at it.
 */
async function removeStale(path: string, holder: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  const file = await open(guard, 'wx').catch(() => undefined);
  if (!file) {
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > TAKEOVER_MS) await rm(guard, { force: true });
    return false;
  }
  try {
    const now = await readFile(path, 'utf8').catch(() => undefined);
    if (now === holder) await rm(path, { force: true });
    return true;
  } finally {
    await file.close();
    await rm(guard, { force: true });
  }
}
