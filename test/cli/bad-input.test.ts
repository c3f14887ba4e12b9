import { cpSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';
import { encoder, headPicture, makeSource, toPng } from '../unit/preprocess/image/made-pictures.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);

const { refused, table } = refusalsIn(cwd);

beforeAll(async () => {
  await makeSource(at('kaggle'), { glioma_tumor: 12, no_tumor: 12 });
  await makeSource(at('one-class'), { glioma_tumor: 2 });
  await makeSource(at('unknown-class'), { gliom_tumor: 2, no_tumor: 2 });
  await mkdir(at('empty'));
  await makeSource(at('loop'), { glioma_tumor: 2, no_tumor: 2 });
  await symlink(at('loop'), at('loop', 'pituitary_tumor'));
  await writeFiles(cwd, { 'a-file': 'x', 'twice.yaml': 'a: x\na: y\n', 'seven.yaml': 'a: 7\n' });
  await runCli(['preprocess', 'bids', 'kaggle', 'bids', '-q'], { cwd });
  await runCli(['preprocess', 'split', 'bids', '--sites', '2', '-q'], { cwd });
});

describe('preprocess bids', () => {
  const to = (words: string) => `preprocess bids ${words}`;
  table([
    { what: 'a missing folder', words: to('none out'), code: 'NF_PATH_MISSING', says: 'none' },
    { what: 'an empty folder', words: to('empty out'), code: 'NF_BIDS_SOURCE_EMPTY', says: 'one folder' },
    { what: 'a file', words: to('a-file out'), code: 'NF_BIDS_SOURCE_EMPTY', says: 'a-file' },
    { what: 'one class', words: to('one-class out'), code: 'NF_BIDS_ONE_CLASS', says: 'glioma' },
    {
      what: 'an unknown class',
      words: to('unknown-class out'),
      code: 'NF_BIDS_CLASS_UNKNOWN',
      says: "'glioma_tumor'?",
    },
    {
      what: 'folders of another kind',
      words: to('unknown-class out'),
      code: 'NF_BIDS_CLASS_UNKNOWN',
      says: 'DICOM files is taken with --dicom-map',
    },
    { what: 'a loop of links', words: to('loop out'), code: 'NF_BIDS_BAD_IMAGES', says: '--skip-bad' },
    { what: 'a target that exists', words: to('kaggle bids'), code: 'NF_PATH_EXISTS', says: 'bids' },
    {
      what: 'a target in the source',
      words: to('kaggle kaggle/out'),
      code: 'NF_BIDS_PLACES',
      says: 'beside',
    },
    {
      what: 'a target in the source by ..',
      words: to('kaggle x/../kaggle/out'),
      code: 'NF_BIDS_PLACES',
      says: 'beside',
    },
    {
      what: 'a target below a file',
      words: to('kaggle a-file/out'),
      code: 'NF_PATH_UNUSABLE',
      says: 'not a folder',
    },
    {
      what: 'doubled keys',
      words: to('kaggle out --label-map twice.yaml'),
      code: 'NF_SELECT_MAP_YAML',
      says: 'twice',
    },
    {
      what: 'a wrong type',
      words: to('kaggle out --label-map seven.yaml'),
      code: 'NF_BIDS_LABEL_MAP',
      says: 'label',
    },
    {
      what: 'no label map',
      words: to('kaggle out --label-map no.yaml'),
      code: 'NF_PATH_MISSING',
      says: 'no.yaml',
    },
    {
      what: 'a threshold',
      words: to('kaggle out --group-threshold 1.5'),
      code: 'NF_BIDS_THRESHOLD',
      says: '1.5',
    },
    { what: 'a size', words: to('kaggle out --size 3'), code: 'NF_USAGE', says: '--size' },
  ]);

  it('lists every bad image with what is wrong, and takes odd names', async () => {
    const head = headPicture(1, 200, 200);
    const jpeg = await encoder(head).jpeg().toBuffer();
    await makeSource(at('bad'), { glioma_tumor: 2, no_tumor: 2 });
    await writeFiles(at('bad', 'no_tumor'), {
      'zero.jpg': '',
      'cut.jpg': jpeg.subarray(0, jpeg.length >> 1),
      'text.jpg': 'not a picture',
      'gif.jpg': await encoder(head).gif().toBuffer(),
      'cmyk.jpg': await encoder(head).toColourspace('cmyk').jpeg().toBuffer(),
      'a..b\n(1) ü.png': await toPng(headPicture(7)),
    });
    await symlink('/etc/hostname', at('bad', 'no_tumor', 'outside.jpg'));
    await symlink('round.jpg', at('bad', 'no_tumor', 'round.jpg'));
    const words = 'preprocess bids bad out';
    const answer = await refused({ what: '', words, code: 'NF_BIDS_BAD_IMAGES', says: '7 of 12' });
    const listed = String(answer.location?.excerpt).match(/\w+\.jpg: \w+/g);
    expect(listed).toEqual([
      'cmyk.jpg: cmyk',
      'cut.jpg: undecodable',
      'gif.jpg: format_not_allowed',
      'outside.jpg: link_outside',
      'round.jpg: link_broken',
      'text.jpg: not_an_image',
      'zero.jpg: empty_file',
    ]);
    const { answer: kept } = await runJson([...words.split(' '), '--skip-bad'], { cwd });
    expect(kept).toMatchObject({ exit_code: 0, data: { images: 5 } });
  });
});

describe('preprocess phantom', () => {
  table([
    { what: 'a target that exists', words: 'preprocess phantom bids', code: 'NF_PATH_EXISTS', says: 'bids' },
    { what: 'no sites', words: 'preprocess phantom out --sites 0', code: 'NF_USAGE', says: '--sites' },
    {
      what: 'a target below a file',
      words: 'preprocess phantom a-file/out',
      code: 'NF_PATH_UNUSABLE',
      says: 'a-file',
    },
  ]);
});

describe('preprocess split', () => {
  const to = (words: string) => `preprocess split ${words}`;
  table([
    {
      what: 'a missing folder',
      words: to('none'),
      code: 'NF_BIDS_NOT_A_DATASET',
      says: 'the folder is missing',
    },
    {
      what: 'class folders',
      words: to('kaggle'),
      code: 'NF_BIDS_NOT_A_DATASET',
      says: "'neuroflare preprocess bids'",
    },
    {
      what: 'more sites than images',
      words: to('bids --sites 99 --out x'),
      code: 'NF_SPLIT_TOO_MANY_SITES',
      says: '99',
    },
    {
      what: 'no column',
      words: to('bids --strategy column --site-column sit --out x'),
      code: 'NF_SPLIT_COLUMN',
      says: 'sit',
    },
    {
      what: 'shares over one',
      words: to('bids --test 0.6 --validation 0.4 --out x'),
      code: 'NF_SPLIT_SHARES',
      says: '0.6',
    },
    {
      what: 'a flag in vain',
      words: to('bids --alpha 2 --out x'),
      code: 'NF_SPLIT_UNUSED',
      says: '--strategy dirichlet',
    },
    {
      what: 'a flag in vain',
      words: to('bids --site-column site --out x'),
      code: 'NF_SPLIT_UNUSED',
      says: '--strategy column',
    },
    {
      what: 'a flag in vain',
      words: to('bids --strategy quantity --skew-column site --out x'),
      code: 'NF_SPLIT_UNUSED',
      says: '--strategy dirichlet or shards',
    },
    {
      what: 'a flag in vain',
      words: to('bids --strategy dirichlet --shards-per-site 2 --out x'),
      code: 'NF_SPLIT_UNUSED',
      says: '--strategy shards',
    },
    {
      what: 'a split that was made',
      words: to('bids --split split.json --materialize x --alpha 2'),
      code: 'NF_USAGE',
      says: '--split',
    },
    {
      what: 'another split',
      words: to('bids --seed 5'),
      code: 'NF_SPLIT_OTHER',
      says: '--out',
      place: { file: 'split.json' },
    },
    {
      what: 'a folder for a file',
      words: to('bids --out kaggle'),
      code: 'NF_PATH_UNUSABLE',
      says: 'kaggle: it is a folder',
    },
    {
      what: 'no such split',
      words: to('bids --split no.json --materialize x'),
      code: 'NF_PATH_MISSING',
      says: 'no.json',
    },
    {
      what: 'not a split',
      words: to('bids --split a-file --materialize x'),
      code: 'NF_SPLIT_MALFORMED',
      says: 'Make the file again',
    },
    {
      what: 'sites that exist',
      words: to('bids --split split.json --materialize empty'),
      code: 'NF_PATH_EXISTS',
      says: 'empty',
    },
    {
      what: 'sites in the data',
      words: to('bids --split split.json --materialize bids/x'),
      code: 'NF_BIDS_PLACES',
      says: 'bids/x',
    },
  ]);
});

describe('a job on data', () => {
  /** Both make the same checks: the first cases try both. */
  const words = (job: string, index: number) =>
    [`job validate ${job}`, `simulate ${job} -w out`].slice(0, index < 4 ? 2 : 1);
  const model = {
    initial_params: undefined,
    type: 'mri-cnn',
    image_size: 32,
    classes: ['glioma', 'no_tumor'],
  };
  const data = { root: '../bids', split: '../split.json' };
  const patch = { model, data, workflow: { n_clients: undefined } };

  async function spoil(name: string, spoilt: (folder: string) => Promise<unknown>): Promise<void> {
    cpSync(at('bids'), at(name), { recursive: true });
    cpSync(at('split.json'), at(`${name}.json`));
    const own = { data: { root: `../${name}`, split: `../${name}.json` } };
    await writeJob(at(`job-${name}`), { patch: { ...patch, ...own } });
    await spoilt(at(name));
  }
  const edit = async (path: string, from: string | RegExp, to: string) =>
    writeFile(path, (await readFile(path, 'utf8')).replace(from, to));

  beforeAll(async () => {
    const write = (name: string, more: object) => writeJob(at(name), { patch: { ...patch, ...more } });
    await write('no-data', { data: { ...data, root: '../nowhere' } });
    await write('jpegs', { data: { ...data, root: '../kaggle' } });
    await write('no-split', { data: { ...data, split: '../nosplit.json' } });
    await write('counts', { workflow: { n_clients: 5 } });
    await write('model-type', { model: { ...model, type: 'mri-cn' } });
    await write('model-size', { model: { ...model, image_size: 50 } });
    await write('model-key', { model: { ...model, dropuot: 0.5 } });
    await spoil('edited-split', (folder) => edit(`${folder}.json`, '"seed": 0', '"seed": 1'));
    await spoil('changed-table', (folder) =>
      edit(join(folder, 'participants.tsv'), /\tglioma\t/, '\tno_tumor\t'),
    );
  });

  const at1 = { line: expect.any(Number), excerpt: expect.stringContaining('^') };
  const cases: readonly [string, string, string, Record<string, unknown>?][] = [
    ['no-data', 'NF_BIDS_NOT_A_DATASET', 'the folder is missing', { ...at1, key: 'data.root' }],
    ['jpegs', 'NF_BIDS_NOT_A_DATASET', "'neuroflare preprocess bids'", { ...at1, key: 'data.root' }],
    ['no-split', 'NF_PATH_MISSING', 'nosplit.json', { ...at1, key: 'data.split' }],
    ['counts', 'NF_JOB_COUNTS', 'n_clients 5'],
    ['model-type', 'NF_MODEL_UNKNOWN', "'mri-cnn'?", { ...at1, key: 'model.type' }],
    ['model-size', 'NF_MODEL_INVALID', 'multiple of 16', { ...at1, key: 'model.image_size' }],
    ['model-key', 'NF_MODEL_KEY', "'dropout'?", { ...at1, key: 'model.dropuot' }],
    ['job-edited-split', 'NF_SPLIT_HASH', 'preprocess split'],
    ['job-changed-table', 'NF_SPLIT_DATASET_CHANGED', 'changed since'],
  ];
  table(
    cases.flatMap(([what, code, says, place], index) =>
      words(what, index).map((line) => ({ what, words: line, code, says, ...(place && { place }) })),
    ),
  );
});

describe('sites that lack images', () => {
  it('are named before, and where no model has a figure that is said', async () => {
    await runCli(
      ['preprocess', 'split', 'bids', '--sites', '2', '--validation', '0', '--out', 'bare.json', '-q'],
      { cwd },
    );
    const set = ['data=bids', 'split=bare.json', 'num_rounds=1', 'local_epochs=1', 'image_size=32'];
    const sets = set.flatMap((one) => ['--set', one]);
    await runCli(['job', 'create', 'lacking', '--template', 'mri-fedavg', ...sets], { cwd });
    const classes = ['--set', 'classes=[glioma,no_tumor]'];
    const { answer } = await runJson(['simulate', 'lacking', ...classes], { cwd });
    expect(answer).toMatchObject({
      exit_code: 0,
      data: {
        best: null,
        warnings: [
          'site-1 has no validation images',
          'site-2 has no validation images',
          expect.stringMatching(/^balanced_accuracy is undefined for every model/),
        ],
      },
    });
  });

  it('are looked for where --set names the split, from the current folder', async () => {
    const { answer } = await runJson(['job', 'validate', 'lacking', '--set', 'split=nosuch.json'], { cwd });
    expect(answer).toMatchObject({
      error_code: 'NF_PATH_MISSING',
      message: `Split not found: ${at('nosuch.json')}`,
    });
    const { answer: whole } = await runJson(
      ['job', 'validate', 'lacking', '--set', 'split=split.json', '--set', 'classes=[glioma,no_tumor]'],
      { cwd },
    );
    expect(whole.exit_code).toBe(0);
  });
});

describe('a queue', () => {
  const none = 'redis://:secret@127.0.0.1:1';
  table([
    { what: 'no address', words: 'worker list', code: 'NF_QUEUE_URL', says: 'none was given' },
    {
      what: 'another scheme',
      words: 'worker start --queue http://u:secret@head',
      code: 'NF_QUEUE_URL',
      says: 'http://head',
    },
    {
      what: 'nobody there',
      words: `worker start --queue ${none}`,
      code: 'NF_QUEUE_UNREACHABLE',
      says: 'redis://127.0.0.1:1',
      exit: 2,
    },
    {
      what: 'nobody there, for a run',
      words: `simulate whole --backend queue --queue ${none}`,
      code: 'NF_QUEUE_UNREACHABLE',
      says: '--queue',
      exit: 2,
    },
    {
      what: 'an address, and threads',
      words: `simulate whole --queue ${none}`,
      code: 'NF_USAGE',
      says: '--backend queue',
    },
    {
      what: "what is each worker's to say",
      words: `simulate whole --backend queue --queue ${none} --threads 2`,
      code: 'NF_USAGE',
      says: 'worker start',
    },
  ]);
});
