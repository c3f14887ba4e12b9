import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../src/runtime/base/errors/errors.ts';
import type { SiteJobFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import type { Executor } from '../../../src/runtime/site/executor/executor.ts';
import type { TaskOrder } from '../../../src/runtime/site/executor/messages.ts';
import { ProcessExecutor } from '../../../src/runtime/site/executor/process-executor.ts';
import { ThreadExecutor } from '../../../src/runtime/site/executor/thread-executor.ts';
import { makeJobFolder, orderFor, saying, scriptWith, watching } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const engine = { choice: 'auto', gpu: undefined, requireGpu: false } as const;
let count = 0;
let folder: SiteJobFolder;
let writer: ChildProcess | undefined;
let close = async () => {};

/** A folder with a pipe in it, which is a site's state in `run`: its script is not begun before `release`. */
async function hold(): Promise<void> {
  folder = await makeJobFolder(join(root, String(count++), 'work'));
  execFileSync('mkfifo', [pipe()]);
}
const pipe = () => join(folder.root, 'held');
/** Feeds whoever opens the pipe, one after another. */
function release(): void {
  const feed = 'while :; do printf state > "$1"; sleep 0.3; done';
  writer ??= spawn('sh', ['-c', feed, 'sh', pipe()], { stdio: 'ignore', detached: true });
}

afterEach(async () => {
  release();
  await close();
  if (writer?.pid !== undefined) process.kill(-writer.pid, 'SIGKILL');
  writer = undefined;
  close = async () => {};
});

interface Task {
  readonly limit: number;
  readonly startLimit?: number;
}
type Answer = Promise<ErrorReport | 'result'>;

async function orderOf(script: string) {
  const { task, ...order } = await orderFor(folder, scriptWith(script));
  return { ...order, task: { ...task, statePath: pipe() } };
}

async function inSimulation(script: string, { limit, ...over }: Task): Answer {
  const order = await orderOf(script);
  const pool = new ThreadExecutor(1, { engine, ...over });
  close = () => pool.close();
  return answerOf(pool, { order, limit });
}

async function atSite(script: string, { limit, ...over }: Task): Answer {
  const order = await orderOf(script);
  const policy = { isolate: true, network: 'none', run_as: 'client' } as const;
  const job = new ProcessExecutor({ folder, engine, data: undefined, policy, ...over });
  close = () => job.close();
  return answerOf(job, { order, limit });
}

async function answerOf(executor: Executor, { order, limit }: { order: TaskOrder; limit: number }): Answer {
  const outcome = await executor.run(order, watching({ limit }));
  if (outcome.type === 'killed') throw new Error(`killed by ${outcome.signal}`);
  return outcome.type === 'failure' ? outcome.error : outcome.type;
}

/** In a simulation its task begins in a thread, and again in a process. */
const NEEDS_PROCESS = `await import('node:fs');`;

describe.skipIf(process.platform === 'win32').each([
  ['in a thread of a simulation', inSimulation, ''],
  ['in a process of a simulation', inSimulation, NEEDS_PROCESS],
  ['at a site', atSite, ''],
])('a script %s', (_, run, body) => {
  it('has all of its limit however long its start took', async () => {
    await hold();
    const answer = run(body, { limit: 4 });
    await sleep(4500);
    release();
    expect(await answer).toBe('result');
  });

  it('is ended by its limit once it has begun', async () => {
    await hold();
    release();
    expect(await run(`${body} for (;;);`, { limit: 0.5 })).toMatchObject({
      code: 'NF_SCRIPT_TIMEOUT',
      message: expect.stringContaining('0.5 s'),
    });
  });

  it('that is not begun is given up', async () => {
    await hold();
    expect(await run(body, { limit: 60, startLimit: 0.5 })).toMatchObject({
      code: 'NF_SCRIPT_START',
      message: expect.stringContaining('0.5 s'),
    });
  });
});

describe.skipIf(process.platform === 'win32')('a script', () => {
  it('gets no more time by saying again that it begins', async () => {
    await hold();
    release();
    const again = `setInterval(() => { ${saying(`{ type: 'started' }`)} }, 50); await new Promise(() => {});`;
    expect(await atSite(again, { limit: 0.5 })).toMatchObject({ code: 'NF_SCRIPT_TIMEOUT' });
  });
});
