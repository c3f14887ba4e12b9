import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256File } from '../../base/digest.ts';
import { syncFolder } from '../../base/files/files.ts';
import type { ScriptAnswer, TaskOrder } from '../../site/executor/messages.ts';

/** Who wrote files of an answer, and in which attempt: a worker that was given up may still write, but never over what was accepted. */
export interface Attempt {
  readonly attempt: number;
  readonly worker: string;
}

const ATTEMPT_FILE = /\.a\d+-[0-9a-f]{8}(\.\d+-[0-9a-f]{8}\.tmp)?$/;
/** A file system that machines share shows them each other's files a little later. */
const LOOKS = { most: 60, pauseMs: 500 } as const;

/** The order with names of its own for all that it leaves. */
export function orderOfAttempt(order: TaskOrder, attempt: Attempt): TaskOrder {
  const { files, state } = order.output;
  const named = Object.entries(files).map(([name, path]) => [name, ofAttempt(path, attempt)]);
  return { ...order, output: { files: Object.fromEntries(named), state: ofAttempt(state, attempt) } };
}

function ofAttempt(path: string, { attempt, worker }: Attempt): string {
  return `${path}.a${attempt}-${worker}`;
}

export interface AttemptAnswer {
  readonly order: TaskOrder;
  readonly answer: Pick<ScriptAnswer, 'files' | 'state'>;
  readonly attempt: Attempt;
  /** How often it is looked for the files. */
  readonly looks?: { readonly most: number; readonly pauseMs: number };
}

/**
 * Gives the files of an answer the names that the order has for them. False where they are not what the worker said: it does not write
 * where this machine reads.
 */
export async function keepAttempt({
  order: { output },
  answer,
  attempt,
  looks = LOOKS,
}: AttemptAnswer): Promise<boolean> {
  const { files, state } = answer;
  const wanted = Object.entries(files).map(([name, digest]) => ({ path: output.files[name], digest }));
  if (state !== undefined) wanted.push({ path: output.state, digest: state });
  for (const { path, digest } of wanted)
    if (path === undefined || !(await isThere(ofAttempt(path, attempt), digest, looks))) return false;
  for (const { path = '' } of wanted) {
    await rename(ofAttempt(path, attempt), path);
    await syncFolder(dirname(path));
  }
  return true;
}

async function isThere(
  path: string,
  digest: string,
  { most, pauseMs }: NonNullable<AttemptAnswer['looks']>,
): Promise<boolean> {
  for (let look = 1; ; look++) {
    if ((await sha256File(path).catch(() => undefined)) === digest) return true;
    if (look >= most) return false;
    await sleep(pauseMs);
  }
}

/** Removes what an attempt has left that does not count. */
export async function dropAttempt({ output }: TaskOrder, attempt: Attempt): Promise<void> {
  for (const path of [...Object.values(output.files), output.state])
    await rm(ofAttempt(path, attempt), { force: true });
}

/** Removes what attempts have left below the folder of the sites. */
export async function removeAttempts(sites: string): Promise<void> {
  for (const site of await readdir(sites).catch(() => []))
    for (const name of await readdir(join(sites, site)).catch(() => []))
      if (ATTEMPT_FILE.test(name)) await rm(join(sites, site, name), { force: true });
}
