import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { flError } from '../kernel/errors.ts';

/** A process that was just killed may still be there for a moment. */
const ATTEMPTS = 10;
const PAUSE_MS = 200;

/** Keeps a second process off a folder; a lock whose process is gone is taken over. Returns what releases it. */
export async function lockFolder(path: string, run: string): Promise<() => Promise<void>> {
  let holder: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    holder = await tryLock(path);
    if (holder === undefined) return () => rm(path, { force: true });
    if (await isAlive(holder)) await sleep(PAUSE_MS);
    else await rm(path, { force: true });
  }
  throw flError('NF_RUN_BUSY', { run, pid: holder?.split(' ')[0] ?? '' }, { place: { file: path } });
}

/** Undefined when the lock is ours now, else who holds it: a process id and when it started. */
async function tryLock(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(`${process.pid} ${await startOf(process.pid)}`);
    await file.close();
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFile(path, 'utf8');
  }
}

async function isAlive(holder: string): Promise<boolean> {
  const [pid = 0, start = ''] = holder.split(' ').map((part, index) => (index === 0 ? Number(part) : part));
  if (typeof pid !== 'number' || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return (await startOf(pid)) === start;
}

/**
 * When a process started, in ticks since boot (proc(5), /proc/PID/stat field 22): a number used again names another
 * process. Empty where the system does not tell, and for a process that has ended but was not yet collected.
 */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : (fields[19] ?? '');
}
