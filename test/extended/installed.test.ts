import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/**
 * The package as its users get it: packed, installed into an empty folder from the registry, with nothing said to npm. It carries the engine's
 * WebAssembly build alone, since packing the native ones takes a minute: the engine says so. test/extended has all of it.
 */
describe('the packed package, installed elsewhere', () => {
  const folder = join(tempFolder(), 'user');
  let paths: readonly string[] = [];
  const neuroflare = (...args: string[]) =>
    run(process.execPath, ['node_modules/neuroflare/bin/run.js', ...args], { cwd: folder });

  beforeAll(async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true }');
    await run(process.execPath, [join(root, 'scripts/vendor.ts'), 'onnxruntime-web']);
    const { stdout } = await run(npm, ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
    });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, Packed>);
    paths = packed?.files.map(({ path }) => path) ?? [];
    const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
    await run(npm, ['install', `./${packed?.filename}`, ...flags], { cwd: folder });
  }, 300_000);

  it('answers with its version', async () => {
    expect((await neuroflare('--version')).stdout).toMatch(/^neuroflare\/\d+\.\d+\.\d+ /);
  });

  it('creates a job and runs it', async () => {
    await neuroflare('job', 'create', 'hello', '--template', 'hello-fedavg-numpy');
    await neuroflare('simulate', 'hello');
    const file = join(folder, 'work/hello/latest/model.safetensors');
    const { numpy_key: array } = decodeSafetensors(await readFile(file), file);
    expect([...(array?.data ?? [])]).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('runs a job that a program makes', async () => {
    const program = `
import { FedAvg, FedJob, InitialParams, ScriptRunner } from 'neuroflare';
const job = new FedJob({ name: 'made' });
job.toServer(new FedAvg({ numRounds: 1, numClients: 2 }));
job.toServer(new InitialParams({ numpy_key: [[1, 2]] }));
job.toClients(new ScriptRunner({ script: 'hello/client/hello-numpy_fl.ts', scriptArgs: { learning_rate: 1 }, framework: 'numpy' }));
console.log((await job.simulatorRun('work')).best?.value);
`;
    await writeFile(join(folder, 'job.mts'), program);
    expect((await run(process.execPath, ['job.mts'], { cwd: folder })).stdout.trim()).toBe('2.5');
  });

  it('names the engine it has', async () => {
    const { stdout } = await neuroflare('engine', 'list');
    expect(stdout).toContain('wasm');
  });

  it('brings no package that runs a script when it is installed', async () => {
    const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripted = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(scripted.map(([path]) => path)).toEqual([]);
    expect(Object.keys(lock.packages)).not.toContain('node_modules/@tensorflow/tfjs');
  });

  it('gives scripts that import @tensorflow/tfjs its own core and layers', async () => {
    await neuroflare('job', 'create', 'plain', '--template', 'hello-fedavg-numpy');
    const script = `
import { loadGraphModel, sequential, layers, tensor } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { Tensor } from '@tensorflow/tfjs-core';
import * as flare from 'neuroflare/client';
const model = sequential({ layers: [layers.dense({ inputShape: [3], units: 1 })] });
const named = (work: () => unknown) => { try { work(); return ''; } catch (error) { return (error as { code?: string }).code; } };
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const seen = [
    tensor([1]) instanceof Tensor,
    (model.predict(tf.ones([2, 3])) as tf.Tensor).shape.join() === '2,1',
    named(() => loadGraphModel()) === 'NF_TFJS_PART',
    named(() => Reflect.get(tf.data, 'csv')) === 'NF_TFJS_PART',
  ];
  if (seen.includes(false)) throw new Error(seen.join());
  await flare.send({ params, metrics: { accuracy: 1 }, numExamples: 1 });
}
`;
    await writeFile(join(folder, 'plain/client/hello-numpy_fl.ts'), script);
    await expect(neuroflare('simulate', 'plain')).resolves.toBeDefined();
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await expect(
      run(process.execPath, [tsc, '-p', 'plain/tsconfig.json'], { cwd: folder }),
    ).resolves.toBeDefined();
  });

  it('holds every file that its documents link to', async () => {
    const documents = paths.filter((path) => path.endsWith('.md') && !path.startsWith('dist/'));
    expect(documents).toContain('docs/federation.md');
    const broken: string[] = [];
    for (const document of documents) {
      const text = await readFile(join(folder, 'node_modules/neuroflare', document), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)) {
        const target = posix.join(posix.dirname(document), link);
        if (!paths.some((path) => path === target || path.startsWith(`${target.replace(/\/$/, '')}/`)))
          broken.push(`${document}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('gives editors the types of the client API', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await expect(
      run(process.execPath, [tsc, '-p', 'hello/tsconfig.json'], { cwd: folder }),
    ).resolves.toBeDefined();
  });
});
