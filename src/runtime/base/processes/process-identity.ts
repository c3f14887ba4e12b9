import { readFile } from 'node:fs/promises';

const ENDED = 'ended';

/** Of this start of the machine (random(4)); empty where the system does not tell. */
let boot: Promise<string> | undefined;

/** `PID START BOOT`: names one process for good, though its number is used again. Version 0.1.0 wrote no BOOT. */
export async function identifyProcess(pid: number): Promise<string> {
  return `${pid} ${await startOf(pid)} ${await bootId()}`.trimEnd();
}

/** Whether the process of an identity is still there. */
export async function isProcessAlive(identity: string): Promise<boolean> {
  const [first, start = '', began] = identity.split(' ');
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (began !== undefined && began !== (await bootId())) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = await startOf(pid);
  return now !== ENDED && now === start;
}

function bootId(): Promise<string> {
  boot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  return boot;
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
