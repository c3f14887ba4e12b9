import { cpSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli, runJson } from '../support/one-process.ts';
import { type Refusal, refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { makeSource } from '../unit/preprocess/image/made-pictures.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const { refused } = refusalsIn(cwd);

beforeAll(async () => {
  await makeSource(at('kaggle'), { glioma_tumor: 8, no_tumor: 8 });
  await runCli(['preprocess', 'bids', 'kaggle', 'bids', '-q'], { cwd });
});

/** A copy of the data set, with its table changed. */
async function withTable(name: string, change: (table: string) => string | Uint8Array): Promise<string> {
  cpSync(at('bids'), at(name), { recursive: true });
  const file = at(name, 'participants.tsv');
  await writeFile(file, change(await readFile(file, 'utf8')));
  return join(name, 'participants.tsv');
}
/** Cells of line 3, which is the second participant's. */
const line3 = (change: (cells: string[]) => string[]) => (table: string) =>
  table
    .split('\n')
    .map((line, index) => (index === 2 ? change(line.split('\t')).join('\t') : line))
    .join('\n');
const withId = (id: string) => line3(([, ...cells]) => [id, ...cells]);

type TableRow = readonly [
  what: string,
  change: (table: string) => string | Uint8Array,
  says: string,
  line?: number,
];

const TABLES: readonly TableRow[] = [
  ['an id twice', withId('sub-0001'), 'sub-0001 is already on line 2', 3],
  ['an id with ..', withId('sub-..'), 'not a participant id', 3],
  ['an id with /', withId('sub-1/../../x'), 'not a participant id', 3],
  ['an id with a space', withId('sub-1 2'), 'not a participant id', 3],
  ['an id that begins with a digit', withId('0002'), 'not a participant id', 3],
  ['an empty id', withId(''), 'not a participant id', 3],
  ['a row that is too short', line3((cells) => cells.slice(0, -1)), 'line 3 has', 3],
  ['a row that is too long', line3((cells) => [...cells, 'x']), 'line 3 has', 3],
  ['an empty line inside', line3(() => ['']), 'line 3 has', 3],
  [
    'a column twice',
    (table) =>
      table
        .replace('\n', '\tdiagnosis\n')
        .replace(/\n(?=.)/g, '\tx\n')
        .replace('\tx', ''),
    'twice',
    1,
  ],
  ['another first column', (table) => table.replace('participant_id', 'subject'), "not 'participant_id'", 1],
  ['no rows', (table) => `${table.split('\n')[0]}\n`, 'no rows', 1],
  ['nothing in it', () => '', "not 'participant_id'", 1],
  ['UTF-16', (table) => Buffer.from(`\uFEFF${table}`, 'utf16le'), 'not UTF-8'],
];

const tableRow = ([what, change, says, line]: TableRow) => ({ what, change, says, line });

describe('a participants.tsv with', () => {
  it.each(TABLES.map(tableRow))('$what is refused at its line', async ({ what, change, says, line }) => {
    const name = `table-${what.replaceAll(/\W/g, '')}`;
    const file = await withTable(name, change);
    const place = { file, ...(line !== undefined && { line }) };
    const row = { what, code: 'NF_BIDS_PARTICIPANTS', says, place } satisfies Partial<Refusal>;
    await refused({ ...row, words: ['preprocess', 'split', name, '--out', 'split.json'] });
    await refused({ ...row, words: ['preprocess', 'check', name] });
  });

  it.each([
    ['CRLF', (table: string) => table.replaceAll('\n', '\r\n')],
    ['a byte order mark', (table: string) => `\uFEFF${table}`],
    [
      'a column named __proto__',
      (table: string) =>
        table
          .replace(/\n(?=.)/g, '\tx\n')
          .replace('\tx\n', '\t__proto__\n')
          .replace(/\n$/, '\tx\n'),
    ],
  ])('%s is read', async (what, change) => {
    const name = `read-${what.replaceAll(/\W/g, '')}`;
    await withTable(name, change);
    const { answer } = await runJson(['preprocess', 'split', name, '--out', `${name}.json`], { cwd });
    expect(answer).toMatchObject({ exit_code: 0 });
  });

  it('more than a thousand rows is read', async () => {
    const rows = Array.from({ length: 1200 }, (_, row) => `sub-${row}\t${row % 2 ? 'glioma' : 'no_tumor'}`);
    mkdirSync(at('many'));
    await writeFile(at('many', 'participants.tsv'), `participant_id\tdiagnosis\n${rows.join('\n')}\n`);
    const words = ['preprocess', 'split', 'many', '--sites', '3', '--out', 'many.json'];
    const { answer } = await runJson(words, { cwd });
    expect(answer).toMatchObject({ exit_code: 0 });
  });
});

describe('columns that cannot be split by', () => {
  const column = (name: string, cells: (row: number) => string) => (table: string) =>
    table
      .trimEnd()
      .split('\n')
      .map((line, row) => `${line}\t${row === 0 ? name : cells(row)}`)
      .join('\n')
      .concat('\n');

  it('name sites that are no names', async () => {
    const file = await withTable(
      'sites-bad',
      column('site', (row) => (row === 4 ? 'a/b' : 'north')),
    );
    const words = 'preprocess split sites-bad --strategy column --site-column site --out x';
    const place = { file, line: 5, key: 'site' };
    await refused({ what: '', words, code: 'NF_SPLIT_SITE_VALUE', says: "'a/b'", place });
  });

  it('have no diagnosis at all', async () => {
    await withTable('unlabelled', (table) => table.replaceAll(/\t(glioma|no_tumor)\t/g, '\tn/a\t'));
    const place = { file: join('unlabelled', 'participants.tsv'), key: 'diagnosis' };
    const words = 'preprocess split unlabelled --out x';
    await refused({ what: '', words, code: 'NF_SPLIT_NOTHING', says: 'diagnosis', place });
  });
});

describe('preprocess check on a data set with', () => {
  const anat = (name: string, id: string, file = '') => at(name, id, 'anat', file);
  const image = 'sub-0002_desc-slice_T1w.nii.gz';
  const sidecar = 'sub-0002_desc-slice_T1w.json';
  type Case = readonly [what: string, spoil: (name: string) => unknown, code: string, participant?: string];
  const caseRow = ([what, spoil, code, participant]: Case) => ({ what, spoil, code, participant });
  const CASES: readonly Case[] = [
    [
      'a level that is unknown',
      (name) =>
        withTable(
          name,
          line3((cells) => cells.map((cell) => (/^(glioma|no_tumor)$/.test(cell) ? 'gloima' : cell))),
        ),
      'NF_CHECK_LABEL',
      'sub-0002',
    ],
    [
      'a cell without label',
      (name) =>
        withTable(
          name,
          line3((cells) => cells.map((cell) => (/^(glioma|no_tumor)$/.test(cell) ? '' : cell))),
        ),
      'NF_CHECK_UNLABELLED',
    ],
    ['a folder without row', (name) => mkdirSync(at(name, 'sub-9999')), 'NF_CHECK_NO_ROW', 'sub-9999'],
    [
      'a row without folder',
      (name) => renameSync(at(name, 'sub-0002'), at(name, 'elsewhere')),
      'NF_BIDS_IMAGE_MISSING',
      'sub-0002',
    ],
    [
      'a list for a sidecar',
      (name) => writeFile(anat(name, 'sub-0002', sidecar), '[1]'),
      'NF_CHECK_SIDECAR',
      'sub-0002',
    ],
    [
      'a sidecar that is no JSON',
      (name) => writeFile(anat(name, 'sub-0002', sidecar), '{"a": 1,}'),
      'NF_CHECK_SIDECAR',
      'sub-0002',
    ],
    [
      'a sidecar of 20 MB',
      (name) => writeFile(anat(name, 'sub-0002', sidecar), `{"a": "${'x'.repeat(20_000_000)}"}`),
      'NF_CHECK_SIDECAR',
      'sub-0002',
    ],
    [
      'a patient in a sidecar',
      (name) =>
        writeFile(anat(name, 'sub-0002', sidecar), '{"__proto__": {"x": 1}, "PatientName": "Miller"}'),
      'NF_CHECK_IDENTIFYING',
      'sub-0002',
    ],
    [
      'a link out of the tree',
      (name) => {
        renameSync(anat(name, 'sub-0002', image), at(`${name}-outside`));
        symlinkSync(at(`${name}-outside`), anat(name, 'sub-0002', image));
      },
      'NF_BIDS_IMAGE_OUTSIDE',
      'sub-0002',
    ],
    [
      'a link in a loop',
      (name) => {
        renameSync(anat(name, 'sub-0002', image), at(`${name}-outside`));
        symlinkSync(image, anat(name, 'sub-0002', image));
      },
      'NF_BIDS_LINK',
      'sub-0002',
    ],
    [
      'a link into an annex without the content',
      (name) => {
        renameSync(anat(name, 'sub-0002', image), at(`${name}-outside`));
        symlinkSync('../../.git/annex/objects/aa/bb/K/K', anat(name, 'sub-0002', image));
      },
      'NF_BIDS_CONTENT_ABSENT',
      'sub-0002',
    ],
    [
      'a pointer in place of an image',
      (name) => writeFile(anat(name, 'sub-0002', image), '/annex/objects/MD5E-s67--f6.nii.gz\n'),
      'NF_BIDS_CONTENT_ABSENT',
      'sub-0002',
    ],
    [
      'an image twice',
      (name) => writeFile(anat(name, 'sub-0002', image.replace('.gz', '')), 'x'),
      'NF_CHECK_BOTH',
      'sub-0002',
    ],
    [
      'no description',
      (name) => renameSync(at(name, 'dataset_description.json'), at(`${name}.json`)),
      'NF_CHECK_DESCRIPTION',
    ],
  ];

  it.each(CASES.map(caseRow))(
    '$what finds it, with place and next step',
    async ({ what, spoil, code, participant }) => {
      const name = `check-${what.replaceAll(/\W/g, '')}`;
      cpSync(at('bids'), at(name), { recursive: true });
      await spoil(name);
      const { answer } = await runJson(
        ['preprocess', 'check', name, '--no-controls', '--fail-on', 'warning'],
        {
          cwd,
        },
      );
      const { findings } = answer.data as {
        findings: { code: string; severity: string; hint: string; place: Record<string, unknown> }[];
      };
      const found = findings.find((one) => one.code === code);
      expect(findings.map((one) => one.code)).toContain(code);
      expect(found?.place).toMatchObject({
        file: expect.stringContaining(name),
        ...(participant && { participant }),
      });
      expect(found?.hint).toMatch(/^[A-Z].{10,}/);
      expect(answer.exit_code).toBe(found?.severity === 'note' ? 0 : 1);
    },
  );
});
