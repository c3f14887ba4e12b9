import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
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
/** Processes of other machines that share the folder cannot be asked for: who holds a lock touches it as often as this, */
const BEAT_MS = 10_000;
/** and one that was not touched for so long is nobody's. */
const FOREIGN_MS = 60_000;
const HOST = ' @';

/**
 * Keeps a second process off a folder by a file in it; a lock whose process is gone is taken over. Returns what releases it.
 * @param what is locked, for the message: `The run 20260101-120000`
 * @throws NF_PATH_BUSY
 */
export async function lockFolder(path: string, what: string): Promise<() => Promise<void>> {
  const own = `${await identifyProcess(process.pid)}${HOST}${hostname()}`;
  let holder: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    holder = await tryLock(path, own);
    if (holder === undefined) return keepHeld(path, own);
    const held = holder === '' ? attempt < ATTEMPTS_WHILE_EMPTY : await isHeld(path, holder);
    if (held || !(await removeStale(path, holder))) await sleep(PAUSE_MS);
  }
  throw flError('NF_PATH_BUSY', { what, pid: nameOf(holder ?? '') }, { place: { file: path } });
}

/** True while the process that locked a folder is there. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readFile(path, 'utf8').catch(() => '');
  return isHeld(path, holder);
}

/** Touches the lock while it is ours. Returns what releases it. */
function keepHeld(path: string, own: string): () => Promise<void> {
  const isOurs = async () => (await readFile(path, 'utf8').catch(() => '')) === own;
  const beat = async () => {
    const now = new Date();
    if (await isOurs()) await utimes(path, now, now).catch(() => undefined);
  };
  const timer = setInterval(() => void beat(), BEAT_MS).unref();
  return async () => {
    clearInterval(timer);
    if (await isOurs()) await rm(path, { force: true });
  };
}

/** Locks of version 0.1.0 name no machine: theirs is this one. */
function partsOf(holder: string): { readonly identity: string; readonly host: string } {
  const at = holder.lastIndexOf(HOST);
  if (at === -1) return { identity: holder, host: hostname() };
  return { identity: holder.slice(0, at), host: holder.slice(at + HOST.length) };
}

async function isHeld(path: string, holder: string): Promise<boolean> {
  const { identity, host } = partsOf(holder);
  if (host === hostname()) return isProcessAlive(identity);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < FOREIGN_MS;
}

/** A process, for people. */
function nameOf(holder: string): string {
  const { identity, host } = partsOf(holder);
  const [pid = ''] = identity.split(' ');
  return host === hostname() ? pid : `${pid} on ${host}`;
}

/** Undefined when the lock is ours now, else who holds it: a process id, when it started, and its machine. */
async function tryLock(path: string, own: string): Promise<string | undefined> {
  try {
    await putFile(path, own, { exclusive: true });
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
