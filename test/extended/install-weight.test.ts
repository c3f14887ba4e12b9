import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTree } from '../support/bids-tree.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const MOST_MB = 450;

/** Bytes of all files below. */
async function weight(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await lstat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('the package as it is published, by a plain npm install', () => {
  const folder = join(tempFolder(), 'user');

  beforeAll(async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true }');
    for (const script of ['vendor', 'sbom'])
      await run(process.execPath, [join(root, `scripts/${script}.ts`)]);
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const { stdout } = await run(npm, pack, { cwd: root });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>);
    await run(npm, ['install', `./${packed?.filename}`, '--no-audit', '--no-fund'], { cwd: folder });
  }, 600_000);

  it(`weighs less than ${MOST_MB} MB`, async () => {
    expect((await weight(join(folder, 'node_modules'))) / 1e6).toBeLessThan(MOST_MB);
  });

  it('has the native engine', async () => {
    const engines = ['node_modules/neuroflare/bin/run.js', 'engine', 'list', '--json'];
    const { stdout } = await run(process.execPath, engines, { cwd: folder });
    const { data } = JSON.parse(stdout) as { data: { name: string; build: string; auto: boolean }[] };
    expect(data.find(({ auto }) => auto)).toMatchObject({ name: 'ort', build: 'native' });
  });

  it('has the viewer, with its page and the script that draws volumes', async () => {
    await makeTree(join(folder, 'bids'), { 'sub-01/anat/sub-01_T1w.nii.gz': { seed: 1 } });
    const words = ['node_modules/neuroflare/bin/run.js', 'preprocess', 'view', 'bids', '--no-open', '--json'];
    const viewer = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(viewer.stdout, 'data')) as [Buffer];
    const { address } = (JSON.parse(line.toString()) as { data: { address: string } }).data;
    const page = await fetch(address);
    const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(await page.text()).toContain('<canvas id="volume"');
    for (const [path, holds] of [
      ['niivue.js', 'niivue'],
      ['main.js', 'ImageList'],
      ['list', 'sub-01'],
    ] as const) {
      const answer = await fetch(new URL(path, address), { headers: { cookie } });
      expect(answer.status, path).toBe(200);
      expect(await answer.text()).toContain(holds);
    }
    viewer.kill('SIGINT');
    expect(await once(viewer, 'exit')).toEqual([0, null]);
  });

  it('brings a bill of materials with every package that npm has put there', async () => {
    const read = async (path: string) => JSON.parse(await readFile(join(folder, path), 'utf8'));
    const { components } = (await read('node_modules/neuroflare/sbom.cdx.json')) as {
      components: { purl: string; hashes: unknown[] }[];
    };
    const { packages } = (await read('package-lock.json')) as { packages: Record<string, object> };
    const told = new Set(
      components.map(({ purl }) => decodeURIComponent(purl).replace(/^pkg:npm\/|@[^@]*$/g, '')),
    );
    const names = Object.keys(packages).map((path) => path.split('node_modules/').at(-1) ?? '');
    const missing = names.filter((name) => name !== '' && name !== 'neuroflare' && !told.has(name));
    expect(missing).toEqual([]);
    for (const name of ['onnxruntime-node', '@niivue/niivue', 'gl-matrix']) expect([...told]).toContain(name);
  });
});
