import { execFile } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import { TINY_SCRIPT } from '../support/job-folder.ts';
import { runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '../..');
const TEMPLATE = join(ROOT, 'templates/hello-fedavg-numpy');
const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd });

/** The programs of a page, as a reader would copy them. */
async function programOf(page: string): Promise<string> {
  const text = await readFile(join(ROOT, page), 'utf8');
  return /^```ts\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '';
}

beforeAll(async () => {
  await mkdir(at('node_modules'));
  symlinkSync(ROOT, at('node_modules/neuroflare'), 'dir');
  await writeFile(at('package.json'), '{ "type": "module" }');
  cpSync(join(TEMPLATE, 'client'), at('client'), { recursive: true });
});

describe('the program of docs/fedjob.md', () => {
  let printed = '';

  beforeAll(async () => {
    await writeFile(at('job.ts'), await programOf('docs/fedjob.md'));
    printed = (await node('job.ts')).stdout;
  });

  it('runs, and prints the best figure and where the model is', async () => {
    const [best, file = ''] = printed.trim().split(' ');
    expect(Number(best)).toBe(8);
    const { numpy_key: array } = decodeSafetensors(await readFile(at(file)), file);
    expect([...(array?.data ?? [])]).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('exports the job that the template is', async () => {
    const [exported, template] = await Promise.all([loadJob(at('jobs/hello')), loadJob(TEMPLATE)]);
    const { description: _none, executor, ...value } = template.value;
    const { declared_args: _declared, ...runs } = executor;
    expect(exported.value).toEqual({ ...value, executor: runs });
  });

  it('exports what validate and simulate take, to the same bytes', async () => {
    const { answer: valid } = await runJson(['job', 'validate', 'jobs/hello'], { cwd });
    expect(valid).toMatchObject({ exit_code: 0, data: { files: ['client/hello-numpy_fl.ts', 'job.yaml'] } });
    const { answer } = await runJson(['simulate', 'jobs/hello', '-w', 'again'], { cwd });
    expect(answer).toMatchObject({ exit_code: 0, data: { job: 'hello-fedavg-numpy' } });
    const models = ['work', 'again'].map((work) =>
      readFile(at(work, 'hello-fedavg-numpy/latest/model.safetensors')),
    );
    const [mine, theirs] = await Promise.all(models);
    expect(mine?.equals(theirs ?? Buffer.alloc(0))).toBe(true);
  });

  it('has types that hold', async () => {
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck'];
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    await node(join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, ...types, 'job.ts');
  });
});

describe('a program whose numbers depend on the seed', () => {
  const PROGRAM = `
import { FedAvg, FedJob, InitialParams, ScriptRunner } from 'neuroflare';
const job = new FedJob({ name: 'seeded', seed: 7 });
job.toServer(new FedAvg({ numRounds: 3 }));
job.toServer(new InitialParams({ weights: [1, 2, 3, 4] }));
const runner = (step) => new ScriptRunner({ script: 'own/train.ts', scriptArgs: { step }, framework: 'numpy' });
job.to(runner(1), 'site-1');
job.to(runner(2), 'site-2');
job.to(runner(1), 'site-3');
await job.exportJob('jobs/seeded');
await job.simulatorRun('seeded-work', { threads: 3 });
`;

  it('ends in the bytes of its exported folder', async () => {
    await mkdir(at('own'));
    await writeFile(at('own/train.ts'), TINY_SCRIPT);
    await writeFile(at('seeded.js'), PROGRAM);
    await node('seeded.js');
    const { answer } = await runJson(['simulate', 'jobs/seeded', '-w', 'seeded-again', '-t', '1'], { cwd });
    expect(answer).toMatchObject({ exit_code: 0, data: { sites: ['site-1', 'site-2', 'site-3'] } });
    const [mine, theirs] = await Promise.all(
      ['seeded-work', 'seeded-again'].map((work) => readFile(at(work, 'seeded/latest/model.safetensors'))),
    );
    expect(mine?.equals(theirs ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('a program that calls simulatorRun wrongly', () => {
  it.each([
    ['an option of nvflare', `'w', { n_clients: 3 }`, 'NF_FEDJOB_OPTION', 'n_clients'],
    ['no thread', `'w', { threads: 0 }`, 'NF_FEDJOB_OPTION', 'threads'],
    ['a number of a GPU', `'w', { gpu: 0 }`, 'NF_FEDJOB_OPTION', 'gpu'],
    ['names in one text', `'w', { clients: 'a,b' }`, 'NF_FEDJOB_OPTION', 'clients'],
    ['an engine there is not', `'w', { engine: 'foo' }`, 'NF_FEDJOB_OPTION', 'engine'],
    ['no workspace', '', 'NF_FEDJOB_OPTION', 'workspace'],
    ['a signal that has fallen', `'w', { signal: AbortSignal.abort() }`, 'NF_INTERRUPTED', 'the program'],
  ])('is told so by name: %s', async (_, args, code, text) => {
    await writeFile(
      at('wrong.js'),
      `
import { FedAvg, FedJob, InitialParams, ScriptRunner } from 'neuroflare';
const job = new FedJob({ name: 'wrong' });
job.toServer(new FedAvg({ numRounds: 1 }));
job.toServer(new InitialParams({ weights: [1, 2, 3, 4] }));
job.toClients(new ScriptRunner({ script: 'own/train.ts', scriptArgs: { step: 1 }, framework: 'numpy' }));
await job.simulatorRun(${args}).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));
`,
    );
    const { stdout } = await node('wrong.js');
    expect(JSON.parse(stdout)).toMatchObject({ code, message: expect.stringContaining(text) });
  });
});

describe('a program whose script fails', () => {
  it('ends with the failure, its file and line', async () => {
    await writeFile(
      at('failing.js'),
      `
import { FedAvg, FedJob, InitialParams, ScriptRunner } from 'neuroflare';
const job = new FedJob({ name: 'failing' });
job.toServer(new FedAvg({ numRounds: 1 }));
job.toServer(new InitialParams({ weights: [1] }));
job.toClients(new ScriptRunner({ script: 'own/failing.ts', framework: 'numpy' }));
await job.simulatorRun('failing-work', { threads: 1 }).catch(({ code, place, hint }) => console.log(JSON.stringify({ code, place, hint })));
`,
    );
    await writeFile(at('own/failing.ts'), "await 0;\nthrow new Error('no data today');\n");
    const { stdout } = await node('failing.js');
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'NF_SCRIPT_FAILED',
      place: { file: join('own', 'failing.ts'), line: 2, site: 'site-1', round: 1 },
      hint: expect.stringMatching(/./),
    });
  });
});
