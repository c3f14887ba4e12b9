import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { makeEngine } from '../../src/runtime/learning/engine/registry.ts';
import type { RunSummary } from '../../src/runtime/run/run-report.ts';
import { describeEngine } from '../conformance/engine.ts';
import { describeEngineOptions } from '../conformance/engine-options.ts';
import { runJson } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { copyPackage, INSTALLED_PACKAGE } from '../support/tensorflow-package.ts';

const VERSION = '4.22.0';
const sitePackages = findTensorflow();

/** TensorFlow's binding, built from its package's sources against the library in PyPI's wheel. */
describe.skipIf(!sitePackages || !INSTALLED_PACKAGE)('tensorflow, built from Python', () => {
  const root = tempFolder();
  const folder = join(root, 'package', 'tfjs-node-gpu');
  const here = { cwd: root, env: { NEUROFLARE_TENSORFLOW_DIR: folder } };
  const install = (...flags: string[]) => runJson(['engine', 'install', 'tensorflow', ...flags], here);
  const fromPython = ['--from-python', sitePackages ?? ''];

  beforeAll(async () => {
    await mkdir(join(root, 'package'));
    copyPackage(join(root, 'package'));
    const { answer } = await install(...fromPython);
    expect(answer).toMatchObject({ status: 'ok', data: { installed: true, device: 'cpu' } });
    process.env.NEUROFLARE_TENSORFLOW_DIR = folder;
  }, 300_000);

  it('was put in place whole, with nothing beside it', async () => {
    expect(await readdir(join(root, 'package'))).toEqual(['node_modules', 'tfjs-node-gpu']);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['deps', 'lib']));
    expect(await readdir(folder)).not.toContain('build');
  });

  it('is not installed a second time', async () => {
    expect((await install()).answer).toMatchObject({ status: 'ok', data: { installed: false, folder } });
  });

  it.runIf(process.arch === 'x64')('comes from the download host as from Python', async () => {
    // The host's files, from what was built: the library (links to the wheel's) and the binding.
    const archives: Record<string, Buffer> = {
      '/tensorflow/libtensorflow/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz': pack(
        join(folder, 'deps'),
        '.',
      ),
      [`/napi-v8/${VERSION}/GPU-linux-${VERSION}.tar.gz`]: pack(join(folder, 'lib'), 'napi-v8'),
    };
    const server = createServer(({ url = '' }, response) => {
      response.writeHead(archives[url] ? 200 : 404).end(archives[url]);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const env = { TFJS_NODE_CDN_STORAGE: host, npm_config_tfjs_binding_binary_host_mirror: host };
    await mkdir(join(root, 'second'));
    const second = copyPackage(join(root, 'second'));
    const { answer } = await runJson(['engine', 'install', 'tensorflow'], {
      cwd: root,
      env: { HTTP_PROXY: '', http_proxy: '', ...env, NEUROFLARE_TENSORFLOW_DIR: second },
    });
    server.close();
    expect(answer).toMatchObject({ status: 'ok', data: { installed: true, folder: second } });
    expect(await readdir(join(root, 'second'))).toEqual(['node_modules', 'tfjs-node-gpu']);
  });

  it("answers with the compiler's words where sources do not fit, and keeps what was there", async () => {
    const site = join(root, 'other');
    await mkdir(join(site, 'tensorflow/include/tensorflow/c/eager'), { recursive: true });
    for (const name of ['c_api.h', 'eager/c_api.h']) {
      await writeFile(join(site, 'tensorflow/include/tensorflow/c', name), '#error another TensorFlow\n');
    }
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
      await writeFile(join(site, 'tensorflow', name), '');
    }
    const { code, answer } = await install('--force', '--from-python', site);
    expect(code).toBe(1);
    expect(answer).toMatchObject({
      error_code: 'NF_ENGINE_INSTALL_BUILD',
      message: expect.stringContaining('another TensorFlow'),
    });
    expect((await install()).answer).toMatchObject({ data: { installed: false } });
  });

  it('trains a federated MRI job as ort does', async () => {
    const job = await prepareJob(root);
    const run = async (engine: string) => {
      const flags = ['--engine', engine, '--workspace', `work-${engine}`];
      const { code, answer } = await runJson(['simulate', job, ...flags], here);
      expect(code, answer.message).toBe(0);
      const summary = answer.data as RunSummary;
      expect(Object.values(summary.engines).map(({ name }) => name)).toEqual([engine, engine]);
      const file = join(root, summary.final?.file ?? '');
      const loss = Number(summary.final?.metrics.loss);
      return { loss, params: decodeSafetensors(await readFile(file), file) };
    };
    const [ort, tensorflow] = [await run('ort'), await run('tensorflow')];
    // Seen: 3e-7 and 7e-6. Adam makes much of differences in rounding, so the run is kept to 12 steps a site.
    expect(Math.abs(tensorflow.loss - ort.loss)).toBeLessThan(1e-4);
    expect(Object.keys(tensorflow.params)).toEqual(Object.keys(ort.params));
    for (const [name, { data }] of Object.entries(ort.params)) {
      const other = tensorflow.params[name]?.data ?? [];
      expect(other, name).toHaveLength(data.length);
      expect(
        Math.max(...Array.from(data, (value, at) => Math.abs(Number(other[at]) - Number(value)))),
      ).toBeLessThan(1e-3);
    }
  });

  describeEngine('tensorflow', () => makeEngine('tensorflow', 'test'));
  describeEngineOptions('tensorflow', () => makeEngine('tensorflow', 'test'));
});

/** A gzipped tar archive of `name` inside `folder`. */
function pack(folder: string, name: string): Buffer {
  return execFileSync('tar', ['-czf', '-', '-C', folder, name], { maxBuffer: 2 ** 24 });
}

/** The template's job on a phantom of two sites, small and short. */
async function prepareJob(root: string): Promise<string> {
  const settings = {
    'data.root': 'bids',
    'data.split': 'split.json',
    num_rounds: 3,
    local_epochs: 1,
    image_size: 32,
    batch_size: 4,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  for (const args of [
    ['preprocess', 'phantom', 'bids', '--sites', '2', '--per-class', '8', '--size', '32'],
    ['preprocess', 'split', 'bids', '--strategy', 'column', '--validation', '0.4', '--test', '0.1'],
    ['job', 'create', 'job', '--template', 'mri-fedavg', ...set],
  ]) {
    const { code, answer } = await runJson(args, { cwd: root });
    expect(code, answer.message).toBe(0);
  }
  return 'job';
}

/** Folder of the Python parts that holds TensorFlow. */
function findTensorflow(): string | undefined {
  const python = process.env.NEUROFLARE_PYTHON;
  if (!python) return undefined;
  const script = 'import sysconfig; print(sysconfig.get_path("purelib"))';
  const folder = execFileSync(python, ['-c', script], { encoding: 'utf8' }).trim();
  return existsSync(join(folder, 'tensorflow/libtensorflow_cc.so.2')) ? folder : undefined;
}
