import { open, readFile, rm } from 'node:fs/promises';
import { flError } from '../kernel/errors.ts';

/** Keeps a second process off a folder; a lock whose process is gone is taken over. Returns what releases it. */
export async function lockFolder(path: string, run: string): Promise<() => Promise<void>> {
  const holder = await tryLock(path);
  if (holder !== undefined) {
    if (isAlive(holder)) throw flError('NF_RUN_BUSY', { run, pid: holder }, { place: { file: path } });
    await rm(path, { force: true });
    const next = await tryLock(path);
    if (next !== undefined) throw flError('NF_RUN_BUSY', { run, pid: next }, { place: { file: path } });
  }
  return () => rm(path, { force: true });
}

/** Undefined when the lock is ours now, else the process that holds it. */
async function tryLock(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return Number(await readFile(path, 'utf8'));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
