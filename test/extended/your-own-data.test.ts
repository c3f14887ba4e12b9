import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { readSplit } from '../../src/preprocess/split/manifest.ts';
import { annexImage, makeTree, tsv } from '../support/bids-tree.ts';
import { commandsOf, ROOT, runSection, wordsOf } from '../support/docs-commands.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { madeHead } from '../support/whole-head.ts';
import { writeFiles } from '../support/write-files.ts';
import { headPicture, makeSource } from '../unit/preprocess/image/made-pictures.ts';

const cwd = tempFolder();
const PAGE = 'docs/your-own-data.md';

/** As ds001226 is: images in an annex, two sessions, several T1w in one, labels in a column of its own, controls. */
async function tumourData(): Promise<void> {
  const root = join(cwd, 'ds001226');
  const texts = [
    'Meningioma I',
    'Anaplastic astrocytoma II-III',
    'Meningioma II\u00a0',
    'Oligodendroglioma III',
    'none',
  ];
  const ids = Array.from({ length: 20 }, (_, at) => `sub-PAT${String(at + 1).padStart(2, '0')}`);
  const rows = ids.map((id, at) => [id, String(40 + at), texts[at % 5] ?? '']);
  await makeTree(root, {
    'participants.tsv': tsv(['participant_id', 'age', ' tumor type & grade'], ...rows),
  });
  for (const [at, id] of ids.entries()) {
    for (const name of ['ses-preop', 'ses-postop', ...(at % 3 === 0 ? ['ses-preop_run-2'] : [])]) {
      const file = `${id}/${name.split('_')[0]}/anat/${id}_${name}_T1w.nii.gz`;
      await annexImage(root, file, { seed: 3 * at + name.length, bright: (at % 5) % 2 === 0 });
    }
  }
}

/** Series alone, some with NaN beside the head, of two scanners. */
async function restData(): Promise<void> {
  const ids = Array.from({ length: 16 }, (_, at) => `sub-${String(at + 1).padStart(2, '0')}`);
  const rows = ids.map((id, at) => [id, at % 2 ? 'patient' : 'control', at < 8 ? 'north' : 'south']);
  const series = ids.flatMap((id, at) =>
    ['rest', 'faces'].map((task) => [
      `${id}/func/${id}_task-${task}_bold.nii.gz`,
      { seed: at, bright: at % 2 === 1, volumes: 4, nan: at % 4 === 0 },
    ]),
  );
  await makeTree(join(cwd, 'rest'), {
    'participants.tsv': tsv(['participant_id', 'diagnosis', 'site'], ...rows),
    ...Object.fromEntries(series),
  });
}

/** Slices of 18 heads; 5 is 3 with a border, and 9 is 7 with left and right exchanged. */
async function headData(): Promise<void> {
  const ids = Array.from({ length: 18 }, (_, at) => String(at + 1));
  const rows = ids.map((id) => [`sub-${id}`, Number(id) % 2 ? 'glioma' : 'no_tumor']);
  await makeTree(join(cwd, 'heads'), {
    'participants.tsv': tsv(['participant_id', 'diagnosis'], ...rows),
  });
  const slices = ids.map((id): [string, Uint8Array] => {
    const border = id === '5' ? 20 : 0;
    const { width, height, pixels } = headPicture(Number({ 5: 3, 9: 7 }[id] ?? id));
    const shape = [width + border, height + border, 1] as const;
    const data = new Float32Array(shape[0] * shape[1]);
    for (let y = 0; y < height; y++) {
      const row = pixels.slice(y * width, (y + 1) * width);
      data.set(id === '9' ? row.reverse() : row, (y + border) * shape[0] + border);
    }
    const bytes = encodeNifti({ shape, data, affine: centredAffine([...shape], [1, 1, 1]) });
    return [`heads/sub-${id}/anat/sub-${id}_T1w.nii`, bytes];
  });
  await writeFiles(cwd, Object.fromEntries(slices));
}

/** The yaml block of a section that is written into a file. */
async function writeMap(file: string, text: string): Promise<void> {
  await writeFile(join(cwd, file), text);
}

beforeAll(async () => {
  await Promise.all([tumourData(), restData(), headData()]);
  await makeSource(join(cwd, 'br35h'), { yes: 10, no: 10, pred: 2 });
  await writeMap('br35h.yaml', '"yes": tumour\n"no": no_tumor\n');
  const tumours = [
    'Meningioma I: meningioma',
    'Meningioma II: meningioma',
    'Anaplastic astrocytoma II-III: glioma',
  ];
  await writeMap('tumours.yaml', [...tumours, 'Oligodendroglioma III: glioma', 'none: null', ''].join('\n'));
});

describe('the commands of the page "Your own data" lead from data to a judged model', () => {
  it.each([
    ['OpenNeuro: sessions and labels of its own', 6],
    ['OpenNeuro: bold series', 6],
    ['Folders of pictures', 6],
  ])('%s', async (section, count) => {
    await runSection(PAGE, section, { count, cwd });
  });

  it('Faces', async () => {
    await makeTree(join(cwd, 'raw'), {
      'participants.tsv': tsv(['participant_id', 'diagnosis'], ['sub-01', 'well'], ['sub-02', 'ill']),
    });
    const heads = [1, 2].map((seed): [string, Uint8Array] => [
      `raw/sub-0${seed}/anat/sub-0${seed}_T1w.nii`,
      encodeNifti(madeHead({ seed })),
    ]);
    await writeFiles(cwd, Object.fromEntries(heads));
    await runSection(PAGE, 'Faces', { count: 2, cwd });
    const report = await readFile(join(cwd, 'raw-defaced/code/defacing.tsv'), 'utf8');
    expect(report.match(/\tremoved\t/g)).toHaveLength(2);
  });
});

describe('the commands of the page "Your own data" for images that are one head', () => {
  const alike = async (split: string) => {
    const { answer } = await runJson(['preprocess', 'check', 'heads', '--split', split, '--no-controls'], {
      cwd,
    });
    const { findings } = answer.data as { findings: { code: string }[] };
    return findings.map(({ code }) => code).filter((code) => /ALIKE|MIRRORED/.test(code));
  };

  it('keep the pairs that check finds together, which a split without them parts', async () => {
    const lines = commandsOf(PAGE, 'Images that are one head');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const { code, stderr } = await runCli(wordsOf(line), { cwd });
      expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
    }
    const table = (await readFile(join(cwd, 'links.tsv'), 'utf8')).trimEnd().split('\n');
    expect(table.map((row) => row.split('\t').slice(0, 3))).toEqual([
      ['participant_id', 'other_id', 'kind'],
      ['sub-3', 'sub-5', 'alike'],
      ['sub-7', 'sub-9', 'mirrored'],
    ]);
    const { sites } = await readSplit(join(cwd, 'heads.json'));
    const parts = sites.flatMap(({ train, validation, test }) => [train, validation, test]);
    for (const [one = '', other] of [
      ['sub-3', 'sub-5'],
      ['sub-7', 'sub-9'],
    ])
      expect(parts.find((part) => part.includes(one))).toContain(other);
    expect(await alike('heads.json')).toEqual([]);
    await runCli(wordsOf('preprocess split heads --sites 2 --out parted.json'), { cwd });
    expect(await alike('parted.json')).not.toEqual([]);
  });
});

describe('a job that says the selection itself', () => {
  it('trains and is judged on the data of a site, whose table has the column partition alone', async () => {
    const file = join(cwd, 'ds001226', 'participants.tsv');
    const [header = '', ...rows] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const parted = rows.map(
      (row, at) => `${row}\t${['train', 'train', 'validation', 'test'][Math.floor(at / 5)]}`,
    );
    await cp(join(cwd, 'ds001226'), join(cwd, 'site'), { recursive: true, verbatimSymlinks: true });
    await writeFile(
      join(cwd, 'site', 'participants.tsv'),
      `${[`${header}\tpartition`, ...parted].join('\n')}\n`,
    );
    const sets = [
      'name=alone',
      'data=site',
      'n_clients=1',
      'num_rounds=1',
      'local_epochs=1',
      'image_size=32',
    ];
    const words = [
      'job',
      'create',
      'jobs/alone',
      '--template',
      'mri-fedavg',
      '--set',
      'classes=[glioma,meningioma]',
    ];
    await runCli([...words, ...sets.flatMap((set) => ['--set', set])], { cwd });
    const job = join(cwd, 'jobs', 'alone', 'job.yaml');
    const section =
      (await readFile(`${ROOT}${PAGE}`, 'utf8')).split('by the column `partition`').at(-1) ?? '';
    const [, selection = ''] = /^ {2}selection:\n((?: {4}.*\n)+)/m.exec(section) ?? [];
    const anaplastic = selection.replace('none: null', 'none: null, Anaplastic astrocytoma II-III: glioma');
    const text = (await readFile(job, 'utf8')).replace(
      /^data:.*\n(?: .*\n)*/m,
      `data:\n  root: ../../site\n  selection:\n${anaplastic}`,
    );
    await writeFile(job, text);
    const ran = await runJson(['simulate', 'jobs/alone'], { cwd });
    expect([ran.answer.exit_code, ran.stderr]).toEqual([0, expect.anything()]);
    const judged = await runJson(['evaluate', 'alone', '--no-controls'], { cwd });
    expect(judged.answer).toMatchObject({ exit_code: 0 });
    expect(JSON.stringify(judged.answer.data)).toContain('meningioma');
  });
});
