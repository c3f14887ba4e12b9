import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256, sha256File } from '../../../../../src/runtime/base/digest.ts';
import { flError } from '../../../../../src/runtime/base/errors/errors.ts';
import type { SiteJobFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { JobLog } from '../../../../../src/runtime/deployment/client/memory/job-log.ts';
import { readOutbox, writeOutbox } from '../../../../../src/runtime/deployment/client/tasks/outbox.ts';
import { inputsDigest } from '../../../../../src/runtime/deployment/client/tasks/site-task.ts';
import {
  MOST_ATTEMPTS,
  TaskRunner,
  type TaskRunnerOptions,
} from '../../../../../src/runtime/deployment/client/tasks/task-runner.ts';
import type { JobDefinition } from '../../../../../src/runtime/job/definition.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import {
  type AssignedTask,
  taskFailure,
  taskResult,
} from '../../../../../src/runtime/network/messages/site.ts';
import { NO_BUDGET, secretsOf } from '../../../../../src/runtime/site/filters/means.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { readModel } from '../../../../support/model-files.ts';
import { MODEL, makeJobFolder, orderFor, saying, scriptWith } from '../../../../support/script-process.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let job: JobDefinition;
let folder: SiteJobFolder;
let log: JobLog;
let runner: TaskRunner;
let count = 0;
let stop: AbortController;

beforeAll(async () => {
  job = (await loadJob(await writeJob(join(root, 'job')))).definition;
});

beforeEach(async () => {
  stop = new AbortController();
  folder = await makeJobFolder(join(root, String(count++)));
  log = new JobLog(folder.log, undefined);
  runner = newRunner();
});

function newRunner(over: Partial<TaskRunnerOptions> = {}): TaskRunner {
  const engine = { choice: 'auto', gpu: undefined, requireGpu: false } as const;
  const policy = { isolate: false, network: 'open', run_as: 'client' } as const;
  const own = {
    ownFilters: async () => [],
    leastPeople: async () => 10,
    means: { secrets: secretsOf(async () => new Uint8Array(32)), budget: NO_BUDGET },
  };
  return new TaskRunner({
    site: 'site-1',
    job,
    folder,
    engine,
    log,
    data: undefined,
    policy,
    ...own,
    ...over,
  });
}

afterEach(async () => {
  await runner.close();
  await log.close();
});

const TASK: AssignedTask = {
  id: 'train/2/site-1',
  total_rounds: 3,
  seed: 7,
  inputs: { model: { sha256: MODEL, size: 1 } },
};

async function run(body: string, over: Partial<AssignedTask> = {}) {
  await orderFor(folder, scriptWith(body));
  const outbox = await runner.run({ ...TASK, ...over }, { signal: stop.signal, emit: () => undefined });
  // Whatever comes of a task can be kept, and sent.
  await writeOutbox(folder, outbox);
  expect(await readOutbox(folder, { ...TASK, ...over })).toEqual({
    value: JSON.parse(JSON.stringify(outbox)),
  });
  const { answer } = outbox;
  if ('failure' in answer) taskFailure.parse(answer.failure);
  else taskResult.parse(answer.result);
  return outbox;
}
/** For a script that speaks in the name of its process. */
const SAY = `const { writeSync } = await import('node:fs');
const say = (m) => {
  for (;;) {
    try { return writeSync(3, JSON.stringify(m) + '\\n'); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
};`;
const failureOf = (outbox: Awaited<ReturnType<typeof run>>) =>
  'failure' in outbox.answer ? outbox.answer.failure : undefined;

describe('a task at a site', () => {
  it('comes to a result with its file', async () => {
    const { answer, ...task } = await run('flare.saveState({ a: 1 });');
    expect(task).toEqual({
      version: 2,
      inputs_sha256: inputsDigest(TASK.inputs),
      model_sha256: MODEL,
    });
    if (!('result' in answer)) throw new Error('no result');
    expect(answer.result).toMatchObject({
      task: TASK.id,
      attempt: 1,
      params_type: 'FULL',
      metrics: { done: 1 },
    });
    const [sent, file = ''] = [answer.result.files.model, answer.files.model];
    expect(sent?.sha256).toBe(await sha256File(file));
    expect(sent?.size).toBe((await readFile(file)).length);
    expect(existsSync(folder.state(answer.result.state_sha256 ?? ''))).toBe(true);
  });

  it('names what it keeps of a private job by a key of the site, and finds it again by that name', async () => {
    await runner.close();
    runner = newRunner({ stateKey: new Uint8Array(32).fill(7) });
    const { answer } = await run('flare.saveState({ a: 1 });');
    const state = ('result' in answer && answer.result.state_sha256) || '';
    expect(await sha256File(folder.state(state))).not.toBe(state);
    const body = 'if (flare.loadState().a !== 1) throw 0;';
    expect(failureOf(await run(body, { state_sha256: state }))).toBeUndefined();
  });

  it('begins with what the site kept, and fails by name where that is gone', async () => {
    const { answer } = await run('flare.saveState({ a: 1 });');
    const state = 'result' in answer ? answer.result.state_sha256 : undefined;
    expect(
      failureOf(await run('if (flare.loadState().a !== 1) throw 0;', { state_sha256: state })),
    ).toBeUndefined();
    await rm(folder.state(state ?? ''));
    expect(failureOf(await run('', { state_sha256: state }))?.error.code).toBe('NF_SITE_STATE_LOST');
  });

  it.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['changed', (bytes: Buffer) => bytes.fill(bytes[0] === 1 ? 2 : 1, 0, 1)],
  ])('fails by name where what the site kept was %s before the client began', async (_, damage) => {
    const { answer } = await run('flare.saveState({ a: 1 });');
    const state = folder.state(('result' in answer && answer.result.state_sha256) || '');
    await writeFile(state, damage(await readFile(state)));
    await runner.close();
    runner = newRunner();
    expect(failureOf(await run('', { state_sha256: basename(state) }))?.error).toMatchObject({
      code: 'NF_SITE_STATE_LOST',
      message: expect.stringContaining('damaged'),
    });
  });

  it('fails with the place, which is in the log of the site, too', async () => {
    const failure = failureOf(await run(`throw new Error('it broke');`));
    expect(failure).toMatchObject({
      task: 'train/2/site-1',
      attempt: 1,
      error: { code: 'NF_SCRIPT_FAILED', place: { site: 'site-1', round: 2, line: 4 } },
    });
    expect(await readFile(folder.log, 'utf8')).toContain('it broke');
  });

  it('names the files of its code by their place in the job', async () => {
    for (const body of [`throw new Error('it broke');`, `await import('./not-there.ts');`]) {
      const error = failureOf(await run(body))?.error;
      expect(error?.place?.file).toBe('client/train.ts');
      expect(JSON.stringify(error)).not.toContain(folder.root);
    }
  });

  it.each([
    ['message', `throw new Error('x'.repeat(50_000));`],
    ['stack', `const e = new Error('x'); e.stack = 'at y\\n'.repeat(20_000); throw e;`],
    ['line', `throw new Error('x'); ${'/* long */'.repeat(2000)}`],
  ])('that fails with a very long %s can be reported', async (_, body) => {
    expect(failureOf(await run(body))?.error.code).toBe('NF_SCRIPT_FAILED');
  });

  it.each([
    ['null', 'null'],
    ['a number', '5'],
    ['a list', '[]'],
    ['nothing known', `{ type: 'constructor' }`],
    ['a failure without an error', `{ type: 'failure' }`],
    ['a failure whose code is a number', `{ type: 'failure', error: { code: 5 } }`],
    ['progress that is text', `{ type: 'progress', done: 'a', total: {} }`],
    [
      'an engine that is none',
      `{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: {}, files: {}, engine: null } }`,
    ],
    ['a log of objects', `{ type: 'log', text: { toString: 1 } }`],
    ['a result without anything', `{ type: 'result' }`],
    [
      'figures nested deeper than the stack',
      `{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: { a: deep }, files: {} } }`,
    ],
  ])('whose script says %s fails as a task, and the next one is done', async (_, message) => {
    const { answer } = await run(`let deep = 1;
for (let level = 0; level < 4000; level++) deep = [deep];
${SAY}
say(${message});
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({
      failure: {
        error: {
          code: expect.stringMatching(/NF_(SCRIPT_MESSAGE|RESULT_INVALID|RESULT_METRICS|SCRIPT_FAILED)/),
        },
      },
    });
    expect((await run('')).answer).toMatchObject({ result: { attempt: 1 } });
  });

  it('is done though its script goes on talking after the result', async () => {
    const { answer } = await run(`${SAY}
setInterval(() => { for (let i = 0; i < 100; i++) say({ type: 'progress', done: i, total: 1e9 }); }, 1);`);
    expect(answer).toMatchObject({ result: { attempt: 1 } });
    expect((await run('')).answer).toMatchObject({ result: { attempt: 1 } });
  });

  it('that ended its client time and again fails, whoever begins it next', async () => {
    const body = `await new Promise(() => setTimeout(() => {}, 60_000));`;
    for (let died = 0; died < MOST_ATTEMPTS; died++) {
      // The client is gone, and with it whoever would have counted: what it left on the disk counts.
      const running = run(body, {}).catch(() => undefined);
      await expect.poll(() => existsSync(folder.process)).toBe(true);
      const left = await readFile(folder.attempts, 'utf8');
      stop.abort(new Error('gone'));
      await running;
      stop = new AbortController();
      await writeFile(folder.attempts, left);
    }
    expect(failureOf(await run(body))).toMatchObject({
      attempt: MOST_ATTEMPTS,
      error: { code: 'NF_SITE_PROCESS', message: expect.stringContaining('with the client') },
    });
    expect((await run('', { id: 'train/3/site-1' })).answer).toMatchObject({ result: { attempt: 1 } });
  });

  it('is begun once more when the disk was full, and not when the script threw', async () => {
    const full = `{ type: 'failure', error: { code: 'NF_DISK_FULL', message: 'full', hint: 'h', exitCode: 1 } }`;
    const once = `const fs = await import('node:fs');
${SAY}
if (!fs.existsSync('once')) { fs.writeFileSync('once', ''); say(${full}); await new Promise(() => setTimeout(() => {}, 60_000)); }`;
    expect((await run(once)).answer).toMatchObject({ result: { attempt: 2 } });
    expect(await readFile(folder.log, 'utf8')).toContain('The task begins again, once.');
    const always = `${SAY} say(${full}); await new Promise(() => setTimeout(() => {}, 60_000));`;
    expect(failureOf(await run(always))).toMatchObject({ attempt: 2, error: { code: 'NF_DISK_FULL' } });
    expect(failureOf(await run(`throw Object.assign(new Error('mine'), { code: 'ENOSPC' });`))).toMatchObject(
      {
        attempt: 1,
        error: { code: 'NF_SCRIPT_FAILED' },
      },
    );
  });

  it('is begun again when its process was killed, and fails when that goes on', async () => {
    const once = join(folder.home, 'once');
    await writeFile(once, '');
    const kill = `const fs = await import('node:fs');
if (fs.existsSync('once')) { fs.rmSync('once'); process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 60_000)); }`;
    const { answer } = await run(kill);
    expect(answer).toMatchObject({ result: { attempt: 2 } });
    const always = `process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 60_000));`;
    expect(failureOf(await run(always))).toMatchObject({
      attempt: 4,
      error: { code: 'NF_SITE_PROCESS', message: expect.stringContaining('SIGKILL') },
    });
    expect(await readFile(folder.log, 'utf8')).toContain('the task begins again');
  });

  it.each([
    ['a path', `files: { model: '../../secret' }`],
    ['an object for a digest', `files: { model: { sha256: '${'a'.repeat(64)}' } }`],
    ['a file of no name', `files: { '../secret': '${'a'.repeat(64)}' }`],
    ['a state', `files: {}, state: '../../../secret'`],
    ['a number', `files: {}, numExamples: 'many'`],
  ])('whose script speaks for itself with %s gets the client to do nothing', async (_, forged) => {
    const secret = join(root, 'secret');
    await writeFile(secret, 'private');
    const result = `{ paramsType: 'FULL', numExamples: 1, metrics: {}, ${forged} }`;
    const { answer } = await run(`${saying(`{ type: 'result', result: ${result} }`)}
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({ failure: { error: { code: 'NF_RESULT_INVALID' } } });
    expect(await readFile(secret, 'utf8')).toBe('private');
    expect(existsSync(folder.answer('model'))).toBe(false);
  });

  it('whose script puts a link in the place of its result sends nothing', async () => {
    const { answer } = await run(`const fs = await import('node:fs');
fs.symlinkSync('/etc/hostname', '${join(folder.work, 'update.safetensors')}');
${saying(`{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: {},
  files: { model: '${'a'.repeat(64)}' } } }`)}
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({ failure: { error: { code: 'NF_RESULT_INVALID' } } });
    expect(existsSync(folder.answer('model'))).toBe(false);
  });

  it('whose script says more in a message than one may hold fails by name', async () => {
    const { answer } = await run(`${SAY}
const line = Buffer.from(JSON.stringify({ type: 'log', text: 'a\\n'.repeat(700_000) }) + '\\n');
for (let at = 0; at < line.length; )
  try { at += writeSync(3, line, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({ failure: { error: { code: 'NF_SCRIPT_MESSAGE' } } });
  });

  it('may print at once what is longer than a message, and fail with it', async () => {
    const text = `'x'.repeat(3_000_000)`;
    expect((await run(`console.log(${text});`)).answer).toMatchObject({ result: { attempt: 1 } });
    expect(failureOf(await run(`throw new Error(${text});`))?.error.code).toBe('NF_SCRIPT_FAILED');
  });

  it('whose script says what its state is gets the digest of what is there', async () => {
    const { answer } = await run(`const fs = await import('node:fs');
fs.writeFileSync('${join(folder.work, 'state.bin')}', 'kept');
fs.copyFileSync('${folder.model(MODEL)}', '${join(folder.work, 'update.safetensors')}');
${saying(`{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: {},
  files: { model: '${'a'.repeat(64)}' }, state: '${'4d'.repeat(32)}' } }`)}
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({ result: { state_sha256: sha256('kept') } });
    expect(await readFile(folder.state(sha256('kept')), 'utf8')).toBe('kept');
  });

  it('sends what was checked though its script holds the file open and changes it', async () => {
    const path = join(folder.work, 'update.safetensors');
    const { answer } = await run(`const fs = await import('node:fs');
const honest = fs.readFileSync('${folder.model(MODEL)}');
fs.writeFileSync('${path}', honest);
const held = fs.openSync('${path}', 'r+');
setInterval(() => {
  if (fs.existsSync('${folder.answer('model')}') && !fs.existsSync('${folder.answer('model')}.moved'))
    fs.writeSync(held, Buffer.alloc(1000, 'PATIENT '), 0, 1000, honest.length - 4);
}, 1);
${saying(`{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: {},
  files: { model: '${'a'.repeat(64)}' } } }`)}
await new Promise(() => setTimeout(() => {}, 60_000));`);
    if (!('result' in answer)) throw new Error('no result');
    // The script has the time to change what it still holds.
    await sleep(200);
    expect(answer.result.files.model?.size).toBe((await stat(folder.model(MODEL))).size);
    expect(await readFile(answer.files.model ?? '')).toEqual(await readFile(folder.model(MODEL)));
  });

  it('takes no update of another size or form than the model has', async () => {
    const { answer } = await run(`const fs = await import('node:fs');
fs.writeFileSync('${join(folder.work, 'update.safetensors')}', Buffer.alloc(5_000_000, 'PATIENT '));
${saying(`{ type: 'result', result: { paramsType: 'FULL', numExamples: 1, metrics: {},
  files: { model: '${'a'.repeat(64)}' } } }`)}
await new Promise(() => setTimeout(() => {}, 60_000));`);
    expect(answer).toMatchObject({ failure: { error: { code: 'NF_PAYLOAD_TOO_LARGE' } } });
    expect(existsSync(folder.answer('model'))).toBe(false);
  });

  it('fails where its model is gone', async () => {
    await rm(folder.model(MODEL));
    expect(failureOf(await run(''))?.error.code).toBe('NF_PATH_MISSING');
  });

  describe('with filters', () => {
    const CLIP = { name: 'norm_clip', max_norm: 1 } as const;
    const valuesOf = async (outbox: Awaited<ReturnType<typeof run>>) => {
      if (!('result' in outbox.answer)) throw new Error(JSON.stringify(outbox.answer));
      const { result, files } = outbox.answer;
      const { model: file = '' } = files;
      expect(result.files.model).toEqual({ sha256: await sha256File(file), size: (await stat(file)).size });
      return [...((await readModel(file)).weights?.data ?? [])];
    };

    it('sends what they leave, the same bytes each time, and nothing else is kept', async () => {
      await runner.close();
      runner = newRunner({ ownFilters: async () => [CLIP] });
      const body = 'params.weights.data[0] += 30; params.weights.data[1] += 40;';
      const outbox = await run(body);
      expect(await valuesOf(outbox)).toEqual([Math.fround(1.6), Math.fround(2.8)]);
      expect((await readdir(folder.root)).filter((name) => name.startsWith('update'))).toEqual([
        'update.safetensors',
      ]);
      const again = await run(body);
      const updateOf = ({ answer }: typeof outbox) => 'result' in answer && answer.result.files;
      expect(updateOf(again)).toEqual(updateOf(outbox));
    });

    it("come after the job's", async () => {
      await runner.close();
      const resultFilters = [{ name: 'norm_clip', max_norm: 10 } as const];
      runner = newRunner({ job: { ...job, resultFilters }, ownFilters: async () => [CLIP] });
      expect(await valuesOf(await run('params.weights.data[0] += 30;'))).toEqual([2, 2]);
    });

    it('fails by name where one of them cannot go on, and nothing is sent', async () => {
      await runner.close();
      const resultFilters = [{ name: 'exclude_vars', exclude_vars: 'conv*' } as const];
      runner = newRunner({ job: { ...job, resultFilters } });
      expect(failureOf(await run(''))?.error).toMatchObject({
        code: 'NF_FILTER_FAILED',
        message: expect.stringMatching(/exclude_vars of the job.*site-1.*conv\*/),
        place: { site: 'site-1', round: 2 },
      });
    });

    it('fails where the site cannot say which of them are its own', async () => {
      await runner.close();
      runner = newRunner({ ownFilters: () => Promise.reject(flError('NF_JOB_FILES_CHANGED')) });
      expect(failureOf(await run(''))?.error.code).toBe('NF_JOB_FILES_CHANGED');
    });
  });
});
