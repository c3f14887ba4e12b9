import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import type { ProcessSetup } from './messages.ts';
import { channelOf, lineOf, receiveMessages } from './process-channel.ts';
import { readMessage } from './read-message.ts';
import { endOf } from './task-end.ts';
import type { StartHost } from './task-host.ts';

const ENTRY = fileURLToPath(new URL(`./process-entry${MODULE_EXTENSION}`, import.meta.url));
/** In the environment of a process and of all that it starts, by which they are found at its end. */
const MARK = 'NEUROFLARE_TASK_HOST';
let hosts = 0;

/** A process of its own, for scripts that use what threads share: the current folder, other programs, other threads. */
export const startProcess: StartHost = ({ engine }, events) => {
  const mark = `${process.pid}-${hosts++}`;
  const setup: ProcessSetup = { engine, closed: undefined };
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(setup)], {
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe', 'overlapped'],
    // A group of its own, so that what it starts ends with it, and Ctrl-C is for the simulation alone.
    detached: true,
  });
  let isEnding = false;
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => events.message({ type: 'log', text }));
  const channel = channelOf(child);
  receiveMessages(channel, (said) => events.message(readMessage(said)));
  child.on('error', (error) => events.ended({ type: 'killed', signal: error.message }));
  child.on('exit', (code, signal) => void (isEnding || events.ended(endOf(code, signal))));
  return {
    post: (order) => void channel.write(lineOf(order)),
    end: async () => {
      isEnding = true;
      await endTree(child, mark);
    },
  };
};

async function endTree(child: ChildProcess, mark: string): Promise<void> {
  if (child.pid !== undefined) kill(process.platform === 'win32' ? child.pid : -child.pid);
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
