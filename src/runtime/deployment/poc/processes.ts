import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { ownProcess, signalOwn } from '../../base/processes/own-process.ts';
import { identifyProcess, isProcessAlive } from '../../base/processes/process-identity.ts';
import type { PocFolder } from './poc-folder.ts';

const RUN = fileURLToPath(new URL('../../../../bin/run.js', import.meta.url));
/** Of what `startDetached` starts. */
const STARTED = { command: /[\\/]bin[\\/]run\.js(?:[\0\s"]|$)/ };
const GRACE_MS = 10_000;
const LOOK_MS = 50;

const processesSchema = z.record(z.string(), z.string().describe('process id and when it started'));
type Processes = z.output<typeof processesSchema>;

/** Starts a command line of neuroflare that goes on when this one has ended; what it says goes to a file. */
export function startDetached(
  words: readonly string[],
  { log, env }: { log: string; env?: NodeJS.ProcessEnv },
): ChildProcess {
  mkdirSync(dirname(log), { recursive: true });
  const out = openSync(log, 'a');
  try {
    // A group of its own: Ctrl-C at this terminal is not meant for it.
    return spawn(process.execPath, [RUN, ...words], {
      detached: true,
      stdio: ['ignore', out, out],
      env: { ...process.env, ...env },
      windowsHide: true,
    });
  } finally {
    closeSync(out);
  }
}

/** Processes that run, by participant. One that is named and not of our starting is none of them. */
export async function runningProcesses(folder: PocFolder): Promise<Processes> {
  const known = await readProcesses(folder);
  const alive = await Promise.all(
    Object.entries(known).map(async (entry) => ((await ownProcess(entry[1], STARTED)) ? [entry] : [])),
  );
  return Object.fromEntries(alive.flat());
}

export async function rememberProcess(folder: PocFolder, name: string, pid: number): Promise<void> {
  const running = await runningProcesses(folder);
  const known = { ...running, [name]: await identifyProcess(pid) };
  await writeFileAtomic(folder.processes, prettyJson(known));
}

/** Asks processes to end, and ends those that do not within the grace. Returns when all are gone. */
export async function endProcesses(folder: PocFolder, names: readonly string[]): Promise<string[]> {
  const running = await runningProcesses(folder);
  const chosen = names.filter((name) => running[name] !== undefined);
  for (const name of chosen) await signalOwn(running[name] ?? '', STARTED, 'SIGTERM');
  const isOver = async () =>
    (await Promise.all(chosen.map((name) => isProcessAlive(running[name] ?? '')))).every((alive) => !alive);
  for (let waited = 0; waited < GRACE_MS && !(await isOver()); waited += LOOK_MS) await sleep(LOOK_MS);
  for (const name of chosen) await signalOwn(running[name] ?? '', STARTED, 'SIGKILL');
  while (!(await isOver())) await sleep(LOOK_MS);
  await writeFileAtomic(folder.processes, prettyJson(await runningProcesses(folder)));
  return chosen;
}

async function readProcesses({ processes }: PocFolder): Promise<Processes> {
  const text = await readFile(processes, 'utf8').catch(() => '{}');
  try {
    return processesSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
