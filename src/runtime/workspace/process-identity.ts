import { readFile } from 'node:fs/promises';

const ENDED = 'ended';

/** `PID START`: names one process for good, though its number is used again. */
export async function identifyProcess(pid: number): Promise<string> {
  return `${pid} ${await startOf(pid)}`;
}

/** Whether the process of an identity is still there. */
export async function isProcessAlive(identity: string): Promise<boolean> {
  const [first, start = ''] = identity.split(' ');
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = await startOf(pid);
  return now !== ENDED && now === start;
}

/**
 * When a process started, in ticks since boot (proc(5), /proc/PID/stat field 22). Empty where the system does not tell, and
 * `ended` for a process that has ended but was not yet collected.
 */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? ENDED : (fields[19] ?? '');
}
