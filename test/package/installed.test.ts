import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/runtime/tensors/safetensors.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/**
 * The package as its users get it: packed, installed into an empty folder from the registry. Without the optional
 * packages, as on a machine where their install scripts fail: the engine is then the WebAssembly one, and says so.
 */
describe('the packed package, installed elsewhere', () => {
  const folder = join(tempFolder(), 'user');
  const neuroflare = (...args: string[]) =>
    run(process.execPath, ['node_modules/neuroflare/bin/run.js', ...args], { cwd: folder });

  beforeAll(async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true }');
    const { stdout } = await run(npm, ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
    });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>);
    const flags = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
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

  it('gives editors the types of the client API', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await expect(
      run(process.execPath, [tsc, '-p', 'hello/tsconfig.json'], { cwd: folder }),
    ).resolves.toBeDefined();
  });
});
