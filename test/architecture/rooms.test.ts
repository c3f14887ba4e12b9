import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LAYERS } from '../../scripts/architecture.ts';

const root = join(import.meta.dirname, '../..');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
const planted: string[] = [];

afterAll(() => {
  for (const folder of planted) rmSync(folder, { recursive: true, force: true });
});

/** Puts a file into a room for a moment and returns what the cruiser says of it. */
function cruise(room: string, source: string): string {
  const folder = mkdtempSync(join(root, room, 'planted-'));
  planted.push(folder);
  writeFileSync(join(folder, 'stranger.ts'), source);
  const path = join(folder, 'stranger.ts').slice(root.length + 1);
  const { stdout } = spawnSync(process.execPath, [cruiser, path, '--config'], {
    cwd: root,
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true, force: true });
  return stdout;
}

describe('rooms', () => {
  it.each([
    ['an import upwards', 'src/runtime/run', "import '../../federation/round.ts';", 'layer-3'],
    [
      'an import of a neighbour',
      'src/runtime/deployment/client',
      "import '../../server/serve.ts';",
      'neighbours-of-src/runtime/deployment/client',
    ],
    [
      'jobs in what knows which sites are there',
      'src/runtime/deployment/server/sites',
      "import '../../jobs/offers.ts';",
      'server-0',
    ],
    [
      'rights in transfers',
      'src/runtime/deployment/server/transfer',
      "import '../../policy/access.ts';",
      'neighbours-of-src/runtime/deployment/server/transfer',
    ],
    [
      'a federated word in preprocess',
      'src/preprocess',
      "import '../../runtime/job/load.ts';",
      'narrow-src/preprocess',
    ],
    [
      'sharp outside preprocess',
      'src/runtime/learning',
      "import 'sharp';",
      'owner-of-^(sharp|nifti-reader-js|dicom-parser|@niivue/dcm2niix|csv-parse|h5wasm)(/|$)',
    ],
    [
      'oclif inside the runtime',
      'src/runtime/job',
      "import '@oclif/core';",
      'owner-of-^(@oclif/core|cli-progress|string-width|wrap-ansi)$',
    ],
    [
      'TensorFlow.js in the coordinator',
      'src/runtime/federation',
      "import '@tensorflow/tfjs-core';",
      'owner-of-^@tensorflow/',
    ],
    [
      'the X.509 library outside security',
      'src/runtime/network',
      "import '@peculiar/x509';",
      'owner-of-^(@peculiar/|reflect-metadata)',
    ],
  ])('refuses %s', (_, room, source, rule) => {
    expect(cruise(room, source)).toContain(`error ${rule}:`);
  });

  it('are the ones the architecture page shows', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const rows = LAYERS.map(
      (folders, layer) => `| ${layer} | ${folders.map((folder) => `\`${folder}\``).join(', ')} |`,
    );
    expect(rows.filter((row) => !page.includes(row))).toEqual([]);
  });

  it('stand in the tree of that page, the highest first', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const [, tree = ''] = /^```\n(.*?)^```$/ms.exec(page) ?? [];
    const names = [...tree.matchAll(/^([a-z]+) {2,}\S/gm)].map(([, name]) => name);
    const rooms = LAYERS.flat().flatMap((folder) => /^src\/runtime\/([a-z]+)/.exec(folder)?.[1] ?? []);
    expect(names).toEqual([...new Set(rooms)].reverse());
  });

  it('are all in the table', () => {
    const listed = new Set(LAYERS.flat());
    const folders = ['src/runtime', 'src/runtime/deployment'].flatMap((parent) =>
      readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
    );
    expect(folders.filter((folder) => !listed.has(folder))).toEqual(['src/runtime/deployment']);
  });
});
