import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { annexImage, makeTree, tsv } from '../support/bids-tree.ts';
import { runCli, runJson } from '../support/cli.ts';
import { commandsOf, ROOT, wordsOf } from '../support/docs-commands.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { makeSource } from '../unit/preprocess/image/made-pictures.ts';

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

/** The yaml block of a section that is written into a file. */
async function writeMap(file: string, text: string): Promise<void> {
  await writeFile(join(cwd, file), text);
}

beforeAll(async () => {
  await Promise.all([tumourData(), restData()]);
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
    const lines = commandsOf(PAGE, section);
    expect(lines).toHaveLength(count);
    for (const line of lines) {
      const short = line.replace('num_rounds=20', 'num_rounds=1 --set local_epochs=1 --set image_size=32');
      const { code, stderr } = await runCli(wordsOf(short), { cwd });
      expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
    }
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
      (await readFile(`${ROOT}${PAGE}`, 'utf8')).split('as the column `partition`').at(-1) ?? '';
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
