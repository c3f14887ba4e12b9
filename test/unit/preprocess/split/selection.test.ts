import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SelectionOptions } from '../../../../src/preprocess/select/selection-options.ts';
import { readSplit } from '../../../../src/preprocess/split/manifest.ts';
import { runSplit, type SplitOptions } from '../../../../src/preprocess/split/run-split.ts';
import { openDataset } from '../../../../src/runtime/learning/dataset/open-dataset.ts';
import { annexImage, makeTree, tsv } from '../../../support/bids-tree.ts';
import { splitOptions } from '../../../support/split-options.ts';
import { makeFolder } from '../image/made-pictures.ts';

const code = (name: string) => expect.objectContaining({ code: name });
const TYPES = ['Meningioma I', 'none', 'meningioma I ', 'Glioma III'];
const MAP = 'Meningioma I: meningioma\nnone: no_tumor\nGlioma III: null\n';

/** Twelve patients as OpenNeuro has them: two sessions, labels in a column of its own, images in an annex; one was scanned without T1w. */
async function openNeuro(): Promise<string> {
  const root = await makeFolder();
  const ids = Array.from({ length: 12 }, (_, at) => `sub-${String(at + 1).padStart(2, '0')}`);
  await makeTree(join(root, 'ds'), {
    'participants.tsv': tsv(
      ['participant_id', ' tumor type & grade', 'site'],
      ...ids.map((id, at) => [id, TYPES[at % 4] ?? '', at < 6 ? 'rome' : 'oslo']),
      ['sub-empty', 'none', 'oslo'],
    ),
    'sub-empty/ses-preop/func/sub-empty_ses-preop_task-rest_bold.nii.gz': { seed: 99, volumes: 2 },
  });
  await writeFile(join(root, 'map.yaml'), MAP);
  for (const [at, id] of ids.entries()) {
    for (const session of ['preop', 'postop']) {
      const name = `${id}/ses-${session}/anat/${id}_ses-${session}_T1w.nii.gz`;
      await annexImage(join(root, 'ds'), name, { seed: at, bright: at % 2 === 0 });
    }
  }
  return root;
}

const options = (root: string, select: SelectionOptions, more: Partial<SplitOptions> = {}) =>
  splitOptions(root, { bidsRoot: join(root, 'ds'), select, strategy: 'column', sites: undefined, ...more });

function wish(root: string): SelectionOptions {
  return {
    filter: ['ses=preop'],
    labelColumn: 'tumor type & grade',
    labelMap: join(root, 'map.yaml'),
    ignoreCase: true,
    onePer: 'subject',
  };
}

describe('a split with a selection', () => {
  it('records rule and result, and leaves out who has no image or no class, with the reason', async () => {
    const root = await openNeuro();
    const result = await runSplit(options(root, wish(root)));
    expect(result.left_out).toContainEqual({
      participant: 'sub-empty',
      reason: 'no T1w image with ses=preop',
    });
    const split = await readSplit(join(root, 'split.json'));
    expect(split).toMatchObject({
      version: 2,
      selection: {
        filter: { ses: ['preop'] },
        one_per: 'subject',
        label_column: 'tumor type & grade',
        label_map: { 'Meningioma I': 'meningioma', none: 'no_tumor', 'Glioma III': null },
        ignore_case: true,
      },
      selected: {
        labels: { table: 'participants.tsv', column: ' tumor type & grade' },
        values: {
          'Meningioma I': 'meningioma',
          'meningioma I ': 'meningioma',
          none: 'no_tumor',
          'Glioma III': null,
        },
        images: 9,
        left_out: { 'no T1w image with ses=preop': 1, "label 'Glioma III' is left out by the label map": 3 },
      },
    });
    expect(result.sites.map(({ name, classes }) => [name, Object.keys(classes.train)])).toEqual([
      ['oslo', ['meningioma', 'no_tumor']],
      ['rome', ['meningioma', 'no_tumor']],
    ]);
  });

  it('gives a data set of one image a subject, from the split and from the tree made for a site alike', async () => {
    const root = await openNeuro();
    const trees = join(root, 'trees');
    await runSplit(options(root, wish(root), { materialize: trees }));
    const fromSplit = await openDataset({
      root: join(root, 'ds'),
      split: join(root, 'split.json'),
      site: 'rome',
    });
    const fromTree = await openDataset({ root: join(trees, 'rome'), site: 'rome' });
    for (const set of [fromSplit, fromTree]) {
      expect(set.classes).toEqual(['meningioma', 'no_tumor']);
      const subjects = [set.train, set.validation, set.test].flatMap((part) => part.subjects);
      expect(
        subjects.every(
          ({ examples }) => examples.length === 1 && examples[0]?.[0]?.includes('_ses-preop_T1w'),
        ),
      ).toBe(true);
    }
    const members = (set: typeof fromTree) => set.train.subjects.map(({ id, label }) => `${id} ${label}`);
    expect(members(fromTree)).toEqual(members(fromSplit));
  });

  it('does not hold for other labels, nor beside another selection', async () => {
    const root = await openNeuro();
    await runSplit(options(root, wish(root)));
    const source = { root: join(root, 'ds'), split: join(root, 'split.json'), site: 'rome' };
    await expect(openDataset({ ...source, selection: { suffix: 'FLAIR' } })).rejects.toThrow(
      code('NF_SELECT_MISMATCH'),
    );
    const table = join(root, 'ds/participants.tsv');
    await writeFile(table, (await readFile(table, 'utf8')).replace('none', 'Glioma III'));
    await expect(openDataset(source)).rejects.toThrow(code('NF_SPLIT_DATASET_CHANGED'));
  });

  it('notices labels that changed in a table beside participants.tsv', async () => {
    const root = await openNeuro();
    await makeTree(join(root, 'ds'), {
      'phenotype/who.tsv': tsv(
        ['participant_id', 'diagnosis'],
        ...Array.from({ length: 12 }, (_, at) => [
          `sub-${String(at + 1).padStart(2, '0')}`,
          at % 2 ? 'a' : 'b',
        ]),
      ),
    });
    await runSplit(options(root, {}, { materialize: join(root, 'trees') }));
    expect((await openDataset({ root: join(root, 'trees', 'rome'), site: 'rome' })).classes).toEqual([
      'a',
      'b',
    ]);
    const source = { root: join(root, 'ds'), split: join(root, 'split.json'), site: 'rome' };
    expect((await openDataset(source)).classes).toEqual(['a', 'b']);
    const table = join(root, 'ds/phenotype/who.tsv');
    await writeFile(table, (await readFile(table, 'utf8')).replace('\ta', '\tb'));
    await expect(openDataset(source)).rejects.toThrow(code('NF_SELECT_CHANGED'));
  });

  it('reads the mean and one volume of a bold, which are other pictures', async () => {
    const root = await makeFolder();
    const ids = Array.from({ length: 6 }, (_, at) => `sub-${at + 1}`);
    const bold = (id: string) => `ds/${id}/func/${id}_task-rest_bold.nii.gz`;
    await makeTree(root, {
      'ds/participants.tsv': tsv(
        ['participant_id', 'diagnosis'],
        ...ids.map((id, at) => [id, at % 2 ? 'a' : 'b']),
      ),
      ...Object.fromEntries(ids.map((id, at) => [bold(id), { seed: at, volumes: 3, nan: true }])),
    });
    const at = { ...options(root, {}), strategy: 'iid' as const, sites: 1 };
    const open = async (name: string, select: SelectionOptions) => {
      const out = join(root, name);
      await runSplit({ ...at, out, select });
      return openDataset({ root: join(root, 'ds'), split: out, site: 'site-1' });
    };
    const mean = await open('mean.json', { suffix: 'bold', volume: 'mean', nan: 'zero' });
    expect(mean.train.size).toBeGreaterThan(0);
    await expect(open('nan.json', { suffix: 'bold', volume: 'mean' })).rejects.toThrow(
      code('NF_NIFTI_NOT_FINITE'),
    );
    await expect(open('all.json', { suffix: 'bold', nan: 'zero' })).rejects.toThrow(
      expect.objectContaining({
        code: 'NF_DATA_IMAGE_TIME',
        hint: expect.stringContaining('predict reads a series as its run did'),
      }),
    );
    await expect(open('far.json', { suffix: 'bold', nan: 'zero', volume: '3' })).rejects.toThrow(
      code('NF_DATA_IMAGE_VOLUME'),
    );
  });

  it('is as before where nothing is selected', async () => {
    const root = await openNeuro();
    await rm(join(root, 'ds/sub-empty'), { recursive: true });
    await expect(runSplit(options(root, {}))).rejects.toThrow(code('NF_DATA_COLUMN'));
  });
});
