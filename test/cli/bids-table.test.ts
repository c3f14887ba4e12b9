import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';
import { makeFolder } from '../unit/preprocess/image/made-pictures.ts';
import { madeVolume, toMetaImage, toMgh, toNifti, toNrrd } from '../unit/preprocess/volume/made-volumes.ts';

const WRITERS = [
  ['nii.gz', (seed: number) => gzipSync(toNifti(madeVolume(seed)))],
  ['mgz', (seed: number) => gzipSync(toMgh(madeVolume(seed)))],
  ['nrrd', (seed: number) => toNrrd(madeVolume(seed))],
  ['mha', (seed: number) => toMetaImage(madeVolume(seed))],
] as const;

/** `count` patients with one volume each, in four formats, at two sites. */
async function madeScans(cwd: string, count: number): Promise<void> {
  const rows = ['file;label;patient;site'];
  for (let seed = 1; seed <= count; seed++) {
    const [ending, write] = WRITERS[seed % 4] ?? WRITERS[0];
    await writeFiles(cwd, { [`scans/${seed}.${ending}`]: write(seed) });
    rows.push(`${seed}.${ending};${seed % 3 ? 'ill' : 'well'};DOE^${seed};${seed % 2 ? 'north' : 'south'}`);
  }
  await writeFiles(cwd, { 'labels.csv': `${rows.join('\r\n')}\r\n` });
}

/** The made volumes show no heads. */
const TABLE = ['--table', 'labels.csv', '--no-deface'];
const bids = (...more: string[]) => ['preprocess', 'bids', 'scans', 'bids', ...TABLE, ...more];

describe('neuroflare preprocess bids --table', () => {
  it('goes from volumes in several formats to a checked data set and one round of training', async () => {
    const cwd = await makeFolder();
    await madeScans(cwd, 24);
    const dry = await runJson(bids('--dry-run', '-q'), { cwd });
    expect([dry.code, dry.answer.data]).toMatchObject([0, { target: null, images: 24, patients_named: 24 }]);
    expect((await readdir(cwd)).sort()).toEqual(['labels.csv', 'scans']);
    expect((await runCli(bids('-q'), { cwd })).code).toBe(0);
    const check = await runJson(['preprocess', 'check', 'bids', '--no-controls', '-q'], { cwd });
    expect((check.answer.data as { counts: object }).counts).toMatchObject({ error: 0 });
    const split = ['preprocess', 'split', 'bids', '--strategy', 'column', '--out', 'split.json', '-q'];
    expect((await runCli(split, { cwd })).code).toBe(0);
    const job = [
      'job',
      'create',
      'job',
      '--template',
      'mri-fedavg',
      '--set',
      'data=bids',
      '--set',
      'split=split.json',
    ];
    const small = ['num_rounds=1', 'classes=[ill,well]', 'image_size=32'].flatMap((set) => ['--set', set]);
    const created = await runCli([...job, ...small, '-q'], { cwd });
    expect([created.code, created.stderr]).toEqual([0, expect.anything()]);
    const run = await runCli(['simulate', 'job', '-w', 'work', '-q'], { cwd });
    expect([run.code, run.code === 0 ? '' : run.stderr]).toEqual([0, '']);
  });

  it('stops on SIGTERM without a target, and the next run goes on and ends with the same table', async () => {
    const cwd = await makeFolder();
    await madeScans(cwd, 40);
    expect(
      (
        await runCli(['preprocess', 'bids', 'scans', 'whole', ...TABLE, '--name', 'x', '-q'], {
          cwd,
        })
      ).code,
    ).toBe(0);
    const running = startCli(bids('--name', 'x', '--jobs', '1'), { cwd });
    await running.sees('images: ');
    running.child.kill('SIGTERM');
    expect((await running.done).code).toBe(143);
    expect((await readdir(cwd)).sort()).toEqual(['bids.partial', 'labels.csv', 'scans', 'whole']);
    expect((await runCli(bids('--name', 'x', '-q'), { cwd })).code).toBe(0);
    const table = (name: string) => readFile(join(cwd, name, 'participants.tsv'), 'utf8');
    expect(await table('bids')).toBe(await table('whole'));
    expect((await readdir(cwd)).sort()).toEqual(['bids', 'labels.csv', 'scans', 'whole']);
  });
});

describe('neuroflare preprocess bids refuses', () => {
  const cwd = tempFolder();
  const { table } = refusalsIn(cwd);
  beforeAll(async () => {
    await madeScans(cwd, 4);
    const row = (text: string) => `file,label,patient\n1.mgz,ill,DOE^1\n${text}\n`;
    await writeFiles(cwd, {
      'gone.csv': row('gone.nii,well,DOE^2'),
      'out.csv': row('../labels.csv,well,DOE^2'),
      'twice.csv': row('1.mgz,well,DOE^1'),
      'empty.csv': row('2.nrrd,,DOE^2'),
      'latin.csv': Buffer.from(row('2.nrrd,b\xf6se,DOE^2'), 'latin1'),
      'columns.csv': 'file,label,class\n1.mgz,a,b\n',
    });
  });
  const words = (name: string) => `preprocess bids scans bids --no-deface --table ${name}`;
  const named = { file: expect.stringMatching(/\.csv$/), line: 3 };
  table([
    {
      what: 'no table',
      words: words('none.csv'),
      code: 'NF_PATH_MISSING',
      says: 'Table not found: none.csv',
    },
    {
      what: 'a missing file',
      words: words('gone.csv'),
      code: 'NF_BIDS_BAD_IMAGES',
      says: '1 of 2 files',
      place: named,
    },
    {
      what: 'a file outside',
      words: words('out.csv'),
      code: 'NF_TABLE_ROWS',
      says: '1 row of the table',
      place: named,
    },
    {
      what: 'a file twice',
      words: words('twice.csv'),
      code: 'NF_TABLE_ROWS',
      says: '1 row of the table',
      place: named,
    },
    {
      what: 'no label',
      words: words('empty.csv'),
      code: 'NF_TABLE_ROWS',
      says: '1 row of the table',
      place: named,
    },
    {
      what: 'Latin-1',
      words: words('latin.csv'),
      code: 'NF_TABLE_UNREADABLE',
      says: 'not UTF-8 but Latin-1',
      place: named,
    },
    { what: 'two labels', words: words('columns.csv'), code: 'NF_TABLE_COLUMN', says: '--label-column' },
    {
      what: 'a column that is not there',
      words: `${words('labels.csv')} --site-column siet`,
      code: 'NF_TABLE_COLUMN',
      says: "Did you mean 'site'?",
    },
    {
      what: 'pictures only',
      words: `${words('labels.csv')} --head-mask`,
      code: 'NF_BIDS_PICTURES_ONLY',
      says: '--head-mask',
    },
    {
      what: 'nothing to leave out',
      words: `${words('labels.csv')} --exclude pred`,
      code: 'NF_BIDS_EXCLUDE',
      says: "'pred'",
    },
  ]);
});
