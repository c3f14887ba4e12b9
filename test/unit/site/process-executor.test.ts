import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { identifyProcess, isProcessAlive } from '../../../src/runtime/base/processes/process-identity.ts';
import type { SiteJobFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import type { TaskEvent, TaskOutcome, TaskWatch } from '../../../src/runtime/site/executor/executor.ts';
import {
  killLeftover,
  ProcessExecutor,
  type ProcessExecutorOptions,
} from '../../../src/runtime/site/executor/process-executor.ts';
import { readModel } from '../../support/model-files.ts';
import { makeJobFolder, orderFor, saying, scriptWith, watching } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Names the first process of the machine. */
const FIRST = await identifyProcess(1);
const root = tempFolder();
const KEPT = { isolate: true, network: 'none', run_as: 'client' } as const;
let folder: SiteJobFolder;
let job: ProcessExecutor;
let printed = '';
let count = 0;

beforeEach(async () => {
  folder = await makeJobFolder(join(root, String(count++), 'work'));
  printed = '';
  job = make();
});

afterEach(() => job.close());

function make(over: Partial<ProcessExecutorOptions> = {}): ProcessExecutor {
  return new ProcessExecutor({
    folder,
    engine: { choice: 'auto', gpu: undefined, requireGpu: false },
    data: undefined,
    policy: KEPT,
    ...over,
  });
}

interface Wish extends Partial<TaskWatch> {
  readonly round?: number;
  readonly data?: string;
  /** The whole text of the script, in place of one with the body. */
  readonly text?: string;
}

async function run(
  body: string,
  { round, data, text = scriptWith(body), ...over }: Wish = {},
): Promise<TaskOutcome> {
  const order = await orderFor(folder, text, { data, ...(round !== undefined && { round }) });
  const emit = (event: TaskEvent) => {
    if (event.type === 'log') printed += event.text;
  };
  return job.run(order, watching({ emit, ...over }));
}

const failed = (code: string, text = '') => ({
  type: 'failure',
  error: expect.objectContaining({ code, message: expect.stringContaining(text) }),
});
/** Who runs the scripts at this moment: a process id and when it started. */
const identity = () => readFile(folder.process, 'utf8').catch(() => '');
const isGone = async (one: string) => expect.poll(() => isProcessAlive(one)).toBe(false);
const pidOf = (one: string) => Number(one.split(' ')[0]);

describe('the process of a job', () => {
  it('runs a task and leaves its files', async () => {
    const outcome = await run('params.weights.data[0] = 9;');
    expect(outcome).toMatchObject({
      type: 'result',
      answer: { metrics: { done: 1 } },
    });
    const made = await readModel(join(folder.root, 'work/update.safetensors'));
    expect([...(made.weights?.data ?? [])]).toEqual([9, 2]);
  });

  it('is used again for the next task, with nothing of the one before', async () => {
    await run('const mine = 1;');
    const first = await identity();
    expect(await isProcessAlive(first)).toBe(true);
    expect(await run('if (flare === undefined) throw 0;', { round: 2 })).toMatchObject({ type: 'result' });
    expect(await identity()).toBe(first);
  });

  it('is not used again when a script has answered by itself: it may go on, and take the next order', async () => {
    const answer = `{ type: 'result', result: { files: {}, paramsType: 'FULL', numExamples: 1, metrics: { done: 1 } } }`;
    expect(await run(`${saying(answer)} for (;;);`)).toMatchObject({ type: 'result' });
    expect(await identity()).toBe('');
    expect(await run('', { round: 2 })).toMatchObject({ type: 'result' });
  });

  it('tells no script by what an answer of its own is known', async () => {
    const looks = `const seen = JSON.stringify([process.argv, process.execArgv, process.title, process.env]);
if (/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/.test(seen)) throw new Error(seen);`;
    expect(await run(looks)).toMatchObject({ type: 'result' });
  });

  it.each([
    'globalThis.before = 1;',
    'Array.prototype.before = 1;',
    'process.env.before = 1;',
    'setInterval(() => undefined, 60_000);',
  ])('is not used again when the script has left something in it: %s', async (code) => {
    expect(await run(code)).toMatchObject({ type: 'result' });
    expect(await identity()).toBe('');
    const found = 'if (globalThis.before ?? [].before ?? process.env.before) throw 0;';
    expect(await run(found, { round: 2 })).toMatchObject({ type: 'result' });
  });

  it('hands on what is printed, by whatever way', async () => {
    await run(
      `console.log('one', { a: 1 }); console.error('two'); process.stdout.write('thr'); process.stderr.write('ee\\n');`,
    );
    expect(printed).toBe('one { a: 1 }\ntwo\nthree\n');
  });

  it('is gone when it is killed, and its name with it', async () => {
    await run('');
    const one = await identity();
    await job.close();
    await isGone(one);
    expect(await identity()).toBe('');
    await job.close();
  });
});

describe('a script that goes wrong', () => {
  it.each<[string, string, string, string]>([
    ['throws', `throw new Error('it broke');`, 'NF_SCRIPT_FAILED', 'it broke'],
    ['throws something odd', `throw 'text';`, 'NF_SCRIPT_FAILED', 'text'],
    [
      'throws in a timer',
      `await new Promise(() => setTimeout(() => { throw new Error('later'); }, 10));`,
      'NF_SCRIPT_FAILED',
      'later',
    ],
    [
      'rejects what nobody awaits',
      `void Promise.reject(new Error('unseen')); await new Promise(() => setTimeout(() => {}, 60_000));`,
      'NF_SCRIPT_FAILED',
      'unseen',
    ],
    ['imports what is not there', `await import('no-such-package');`, 'NF_SCRIPT_', 'no-such-package'],
    ['exits', `process.exit(3);`, 'NF_SCRIPT_EXITED', '3'],
    ['exits as if all were well', `process.exit(0);`, 'NF_SCRIPT_EXITED', '0'],
  ])('is reported: it %s', async (_, body, code, text) => {
    const outcome = await run(body);
    expect(outcome).toEqual({
      type: 'failure',
      error: expect.objectContaining({
        code: expect.stringContaining(code),
        message: expect.stringContaining(text),
      }),
    });
  });

  it('is reported with its line', async () => {
    const outcome = await run(`throw new Error('it broke');`);
    expect(outcome).toMatchObject({ error: { place: { site: 'site-1', round: 1, line: 4 } } });
  });

  it.each([
    ['is no TypeScript', 'const = ;', 'NF_SCRIPT_LOAD'],
    [
      'sends nothing',
      `import * as flare from 'neuroflare/client'; await flare.init();`,
      'NF_SCRIPT_NO_RESULT',
    ],
  ])('is reported: it %s', async (_, text, code) => {
    expect(await run('', { text })).toEqual(failed(code));
  });

  it('is not run in the same process again', async () => {
    await run('');
    const first = await identity();
    await run(`throw new Error('x');`);
    await isGone(first);
    expect(await run('', { round: 2 })).toMatchObject({ type: 'result' });
    expect(await identity()).not.toBe(first);
  });

  it('that loops without end is ended by its limit', async () => {
    await run('');
    const one = await identity();
    expect(await run('for (;;);', { limit: 0.5 })).toEqual(failed('NF_SCRIPT_TIMEOUT', '0.5'));
    await isGone(one);
  });

  it('that waits for ever is ended by its limit', async () => {
    const outcome = await run('await new Promise((resolve) => setTimeout(resolve, 1e9));', { limit: 0.5 });
    expect(outcome).toEqual(failed('NF_SCRIPT_TIMEOUT'));
  });

  /** V8 ends a process so that has no memory left; filling it takes many seconds: test/extended/job-memory.test.ts. */
  it('that aborts its process is said to have used up its memory', async () => {
    expect(await run('process.abort();')).toEqual(failed('NF_SCRIPT_MEMORY'));
  });

  it('that loops is stopped by a signal, with its reason', async () => {
    const stop = new AbortController();
    const done = run('console.log("loops"); for (;;);', { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 1000);
    await expect(done).rejects.toThrow('enough');
    expect(await identity()).toBe('');
    await expect(run('', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    expect(await run('', { round: 2 })).toMatchObject({ type: 'result' });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'that is killed from outside with %s may begin again',
    async (signal) => {
      await run('');
      const one = await identity();
      // A service manager ends all that a client has started.
      const outcome = run(`console.log('runs'); await new Promise((resolve) => setTimeout(resolve, 1e6));`);
      await expect.poll(() => printed).toContain('runs');
      process.kill(-pidOf(one), signal);
      expect(await outcome).toEqual({ type: 'killed', signal });
      expect(await run('', { round: 2 })).toMatchObject({ type: 'result' });
    },
  );

  it('whose process was killed while it had nothing to do gets a new one', async () => {
    await run('');
    const one = await identity();
    process.kill(pidOf(one), 'SIGKILL');
    await isGone(one);
    await expect.poll(async () => (await run('', { round: 2 })).type).toBe('result');
  });
});

describe('a script that is kept to its folder', () => {
  /** Tries things one after another and tells what came of each. */
  const attempt = async (codes: readonly string[], over: Wish = {}): Promise<string[]> => {
    const attempts = codes.map((code) => `async () => ${code}`).join(',\n');
    const body = `const fs = await import('node:fs');
const run = (name) => import(name);
for (const one of [${attempts}]) {
  try { console.log(JSON.stringify(String(await one()))); }
  catch (error) { console.log(JSON.stringify('refused ' + error.code)); }
}`;
    expect(await run(body, over)).toMatchObject({ type: 'result' });
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
  };
  const refused = (codes: readonly unknown[]) => codes.map(() => 'refused ERR_ACCESS_DENIED');
  const read = (path: string) => `fs.readFileSync(${JSON.stringify(path)}, 'utf8')`;
  const kit = () => join(folder.root, '../../..');
  const secret = () => join(kit(), 'startup/client.key');

  beforeEach(async () => {
    await mkdir(join(kit(), 'startup'), { recursive: true });
    await writeFile(secret(), 'private');
    await writeFile(join(kit(), 'work/approvals.json'), '{}');
  });

  it('cannot read the key of the kit, nor what else lies there', async () => {
    const paths = [secret(), join(kit(), 'work/approvals.json'), '/etc/passwd', '/proc/self/environ'];
    expect(await attempt(paths.map(read))).toEqual(refused(paths));
  });

  it('cannot write, move, link or list what is outside', async () => {
    await writeFile(join(folder.home, 'mine'), 'x');
    const codes = [
      'fs.writeFileSync(PATH, "x")',
      'fs.mkdirSync(PATH + "-new")',
      'fs.rmSync(PATH)',
      'fs.appendFileSync(PATH, "x")',
      'fs.renameSync("mine", PATH)',
      'fs.renameSync(PATH, "mine")',
      'fs.symlinkSync(PATH, "link")',
      'fs.linkSync(PATH, "link")',
      'fs.chmodSync(PATH, 0o777)',
      'fs.readdirSync(PATH + "/..")',
      'fs.cpSync(PATH, "copy")',
      'fs.promises.writeFile(PATH, "x")',
      'fs.promises.open(PATH, "r+")',
      'new Promise((_, no) => fs.open(PATH, "w", no))',
    ].map((code) => code.replaceAll('PATH', JSON.stringify(secret())));
    expect(await attempt(codes)).toEqual(refused(codes));
    expect(await readFile(secret(), 'utf8')).toBe('private');
  });

  it('starts no programs and threads', async () => {
    const codes = [
      `(await run('node:child_process')).spawnSync('id')`,
      `(await run('node:child_process')).execSync('id')`,
      `(await run('node:child_process')).spawn('id')`,
      `(await run('node:child_process')).fork('x.js')`,
      `new (await run('node:worker_threads')).Worker('1', { eval: true })`,
    ];
    expect(await attempt(codes)).toEqual(refused(codes));
  });

  it('may read and write its own folder', async () => {
    const codes = [`fs.writeFileSync('mine', 'x')`, `fs.readFileSync('mine', 'utf8')`];
    expect(await attempt(codes)).toEqual(['undefined', 'x']);
    expect(await readFile(join(folder.home, 'mine'), 'utf8')).toBe('x');
  });

  it('may not change what the client knows of its job, nor the code it runs', async () => {
    const paths = [
      folder.outbox,
      folder.log,
      folder.process,
      join(folder.bundle, 'client/train.ts'),
      folder.answer('model'),
    ];
    const codes = paths.map((path) => `fs.writeFileSync(${JSON.stringify(path)}, 'x')`);
    expect(await attempt(codes)).toEqual(refused(codes));
  });

  it('may read the data of the site, not what lies beside it, and not write it', async () => {
    const data = join(kit(), 'data');
    for (const path of [data, `${data}-of-others`]) {
      await mkdir(path);
      await writeFile(join(path, 'a.txt'), 'image');
    }
    job = make({ data });
    const codes = [
      read(join(data, 'a.txt')),
      read(join(`${data}-of-others`, 'a.txt')),
      `fs.writeFileSync(${JSON.stringify(join(data, 'a.txt'))}, 'x')`,
    ];
    expect(await attempt(codes, { data })).toEqual(['image', ...refused([1, 2])]);
  });

  it('sees nothing of the environment of the client but what it needs', async () => {
    process.env.NEUROFLARE_TEST_SECRET = 'private';
    process.env.OMP_NUM_THREADS = '1';
    // Terraform's, not TensorFlow's.
    process.env.TF_VAR_password = 'private';
    process.env.TF_NUM_INTEROP_THREADS = '1';
    try {
      const [text = ''] = await attempt(['JSON.stringify(process.env)']);
      const seen = JSON.parse(text) as Record<string, string>;
      expect(seen).toMatchObject({
        OMP_NUM_THREADS: '1',
        TF_NUM_INTEROP_THREADS: '1',
        HOME: folder.home,
        TMPDIR: folder.work,
      });
      expect(Object.keys(seen).filter((name) => /SECRET|NODE_OPTIONS|NEUROFLARE|TF_VAR/.test(name))).toEqual(
        [],
      );
    } finally {
      delete process.env.NEUROFLARE_TEST_SECRET;
      delete process.env.OMP_NUM_THREADS;
      delete process.env.TF_VAR_password;
      delete process.env.TF_NUM_INTEROP_THREADS;
    }
  });

  it('may do as it likes where the site says so', async () => {
    job = make({ policy: { ...KEPT, isolate: false } });
    expect(await attempt([read(secret())])).toEqual(['private']);
  });
});

describe.skipIf(process.platform === 'win32')('what a script has started', () => {
  /** Starts a program that would run on, in a group of its own, and leaves a sign of life in a file again and again. */
  const START = `const { spawn } = await import('node:child_process');
const beat = "setInterval(() => require('node:fs').appendFileSync('beat', 'x'), 20)";
spawn(process.execPath, ['-e', beat], { stdio: 'ignore', detached: true }).unref();
const { existsSync } = await import('node:fs');
while (!existsSync('beat')) await new Promise((resolve) => setTimeout(resolve, 20));`;
  const beats = async () => (await readFile(join(folder.home, 'beat')).catch(() => '')).length;
  const isThere = async () => {
    const before = await beats();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return (await beats()) > before;
  };

  beforeEach(() => {
    job = make({ policy: { ...KEPT, isolate: false } });
  });

  it('ends with the process', async () => {
    await run(START);
    expect(await isThere()).toBe(true);
    await job.close();
    await expect.poll(isThere).toBe(false);
  });

  it.each([
    ['fails', `throw new Error('x');`],
    ['exits', 'process.exit(1);'],
    [
      'is killed',
      `process.kill(process.pid, 'SIGKILL'); await new Promise((resolve) => setTimeout(resolve, 60_000));`,
    ],
    ['aborts', 'process.abort();'],
  ])('ends when the script %s', async (_, end) => {
    await run(`${START} await new Promise((resolve) => setTimeout(resolve, 100)); ${end}`);
    expect(await beats()).toBeGreaterThan(0);
    await expect.poll(isThere).toBe(false);
  });

  it('ends when a new client finds it', async () => {
    await run(START);
    await killLeftover(folder);
    await expect.poll(isThere).toBe(false);
    expect(existsSync(folder.process)).toBe(false);
  });
});

describe('a process that an earlier client has left', () => {
  it.each([
    ['no name', undefined],
    ['a name of nobody', ''],
    ['a name that is none', 'x y'],
    ['a name of somebody else with this number', `${process.pid} 1`],
    ['a name of everybody', '-1 5'],
    ['a name of the system', '0 0'],
    ['the first process of the machine', FIRST],
  ])('is looked for without harm: %s', async (_, text) => {
    if (text !== undefined) await writeFile(folder.process, text);
    // What would reach others is looked at, and reaches nobody.
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    await killLeftover(folder);
    const sent = kill.mock.calls.filter(([, signal]) => signal !== 0);
    kill.mockRestore();
    expect(sent).toEqual([]);
    expect(existsSync(folder.process)).toBe(false);
  });

  it('is ended', async () => {
    await run('');
    const one = await identity();
    await killLeftover(folder);
    await isGone(one);
  });
});
