import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';

/** In the environment of a process and of all that it starts, by which they are found at its end. */
export const MARK = 'NEUROFLARE_TASK_HOST';
let hosts = 0;

/** Of a process that is to be started. */
export function newMark(): string {
  return `${process.pid}-${hosts++}`;
}

/** Ends a process that leads a group, and all that it has started. */
export async function endTree(child: ChildProcess, mark: string): Promise<void> {
  if (child.pid === undefined) return;
  kill(process.platform === 'win32' ? child.pid : -child.pid);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  for (const pid of await marked(mark)) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Programs that left the group; found on Linux alone. */
async function marked(mark: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(`${MARK}=${mark}`) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}
