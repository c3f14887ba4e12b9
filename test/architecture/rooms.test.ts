import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LAYERS } from '../../scripts/architecture.ts';

const root = join(import.meta.dirname, '../..');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

/** A file that does not belong into its room, and the rule that says so. */
const STRANGERS = [
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
] as const;

/** Where each of them is put in a copy of the sources: other tests read the sources meanwhile. */
const placeOf = (at: number) => join(STRANGERS[at]?.[1] ?? '', `planted-${at}`, 'stranger.ts');
let said = '';
let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'neuroflare-rooms-'));
  for (const name of ['src', 'scripts', 'tsconfig.json', 'package.json', '.dependency-cruiser.mjs'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [at, [, , source]] of STRANGERS.entries()) {
    mkdirSync(join(copy, placeOf(at), '..'));
    writeFileSync(join(copy, placeOf(at)), source);
  }
  const args = [cruiser, ...STRANGERS.map((_, at) => placeOf(at)), '--config'];
  said = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' }).stdout;
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

describe('rooms', () => {
  it.each(STRANGERS.map(([what, , , rule], at) => ({ what, rule, at })))('refuse $what', ({ rule, at }) => {
    expect(said).toContain(`error ${rule}: ${placeOf(at)}`);
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
