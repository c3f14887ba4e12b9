import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isProcessAlive } from './process-identity.ts';

/** Which processes are ours to end. A file that names one may have come with somebody else's folder, and name any. */
export interface OwnProcesses {
  /** What the command line holds of such a process: the file of ours that it runs. Words are parted by NUL or blanks. */
  readonly command: RegExp;
  /** Ids of users who run them beside the user of this process. */
  readonly users?: readonly number[];
}

/** What the system tells of a process. */
interface Told {
  /** Undefined where the system has no such ids. */
  readonly uid: number | undefined;
  /** Whether it leads a group of its own. */
  readonly leads: boolean;
  readonly command: string;
}

const run = promisify(execFile);
/** Numbers up to this are the system's own: of the first process, and of `kill` for groups and for everybody. */
const SYSTEM = 1;

/**
 * The number of the process of an identity (`identifyProcess`), where it is ours to end with its group: it is still there, its user is
 * ours, it leads a group of its own, and it runs a file of ours. Undefined for any other.
 */
export async function ownProcess(
  identity: string,
  { command, users = [] }: OwnProcesses,
): Promise<number | undefined> {
  const pid = Number(identity.split(' ')[0]);
  if (!Number.isSafeInteger(pid) || pid <= SYSTEM || pid === process.pid) return undefined;
  if (!(await isProcessAlive(identity))) return undefined;
  const told = await lookUp(pid).catch(() => undefined);
  if (!told?.leads || !command.test(told.command)) return undefined;
  const own = process.getuid?.();
  const isOurs = told.uid === own || (told.uid !== undefined && users.includes(told.uid));
  return isOurs ? pid : undefined;
}

/** Sends a signal to the group of the process of an identity, where that is ours. False for any other, to which nothing is sent. */
export async function signalOwn(
  identity: string,
  whose: OwnProcesses,
  signal: NodeJS.Signals,
): Promise<boolean> {
  const pid = await ownProcess(identity, whose);
  if (pid === undefined) return false;
  signalGroup(pid, signal);
  return true;
}

/** The whole group, where the system has groups, of a process that is known to be ours. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!Number.isSafeInteger(pid) || pid <= SYSTEM) return;
  try {
    if (process.platform !== 'win32') process.kill(-pid, signal);
    else if (signal !== 'SIGKILL') process.kill(pid, signal);
    else execFile('taskkill', ['/pid', String(pid), '/t', '/f'], () => undefined);
  } catch {
    // It is gone already.
  }
}

function lookUp(pid: number): Promise<Told> {
  if (process.platform === 'linux') return ofProc(pid);
  return process.platform === 'win32' ? ofWindows(pid) : ofPs(pid);
}

/** proc(5): /proc/PID/stat field 5, the real user of /proc/PID/status. */
async function ofProc(pid: number): Promise<Told> {
  const [stat, status, command] = await Promise.all(
    ['stat', 'status', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
  );
  const group = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
  const uid = /^Uid:\s+(\d+)/m.exec(status ?? '')?.[1];
  return {
    uid: uid === undefined ? undefined : Number(uid),
    leads: Number(group) === pid,
    command: command ?? '',
  };
}

async function ofPs(pid: number): Promise<Told> {
  const { stdout } = await run('ps', ['-ww', '-o', 'ruid=,pgid=,args=', '-p', String(pid)]);
  const [, uid, group, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)/s.exec(stdout) ?? [];
  return { uid: Number(uid), leads: Number(group) === pid, command };
}

/** No groups and no ids of users: the command line decides, which only the user's own processes show. */
async function ofWindows(pid: number): Promise<Told> {
  const ask = `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`;
  const { stdout } = await run('powershell', ['-NoProfile', '-NonInteractive', '-Command', ask]);
  return { uid: undefined, leads: true, command: stdout };
}
