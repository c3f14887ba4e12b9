import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countPeople } from '../../../../src/preprocess/bids/participants.ts';
import { classesOf } from '../../../../src/preprocess/select/classes.ts';
import { readSubjects, requireLabels } from '../../../../src/preprocess/select/read-subjects.ts';
import type { Selection } from '../../../../src/runtime/base/selection/selection.ts';
import { type MadeImage, makeTree, tsv } from '../../../support/bids-tree.ts';
import { makeFolder } from '../image/made-pictures.ts';

const code = (name: string) => expect.objectContaining({ code: name });
const image: MadeImage = { seed: 1 };
type Files = Record<string, string | MadeImage>;

async function tree(files: Files): Promise<string> {
  return makeTree(await makeFolder(), files);
}

/** Labels by participant; what has none is said with its reason. */
async function labels(root: string, selection?: Selection): Promise<Record<string, string | undefined>> {
  const subjects = await readSubjects(root, selection);
  requireLabels(subjects);
  return Object.fromEntries(
    subjects.rows.map(({ id, values }) => [
      id,
      values.get('diagnosis') ?? `(${subjects.unlabelled.get(id) ?? 'set aside'})`,
    ]),
  );
}

const TABLE = tsv(
  ['participant_id', ' tumor type & grade', 'age'],
  ['sub-1', 'Meningioma I', '3'],
  ['sub-2', 'none', '4'],
  ['sub-3', ' meningioma\u00a0I ', '5'],
  ['sub-4', 'n/a', '6'],
);
const MAP = { 'Meningioma I': 'meningioma', none: null };

describe('labels come', () => {
  it('from a column named without the blanks around it, by a map', async () => {
    const root = await tree({ 'participants.tsv': TABLE });
    const selection = { label_column: 'tumor type & grade', label_map: MAP, ignore_case: true };
    expect(await labels(root, selection)).toEqual({
      'sub-1': 'meningioma',
      'sub-2': "(label 'none' is left out by the label map)",
      'sub-3': 'meningioma',
      'sub-4': '(no diagnosis)',
    });
    const subjects = await readSubjects(root, selection);
    expect(await classesOf(root, subjects)).toEqual(['meningioma']);
  });

  it('trimmed of blanks, no-break spaces and quotes, merged by case only where it is said', async () => {
    const cells = ['a', ' a', 'a\u00a0', '"a"', 'A', 'N/A', 'NaN'];
    const rows = cells.map((value, at) => [`sub-${at}`, value]);
    const root = await tree({ 'participants.tsv': tsv(['participant_id', 'diagnosis'], ...rows) });
    const read = Object.values(await labels(root));
    expect(read).toEqual(['a', 'a', 'a', 'a', 'A', "(label 'N/A')", "(label 'NaN')"]);
    expect(Object.values(await labels(root, { ignore_case: true })).slice(0, 5)).toEqual([
      'a',
      'a',
      'a',
      'a',
      'a',
    ]);
  });

  const twoSessions = (first: string, second: string): Files => ({
    'participants.tsv': tsv(['participant_id', 'age'], ['sub-1', '3']),
    'sub-1/sub-1_sessions.tsv': tsv(['session_id', 'diagnosis'], ['ses-a', first], ['ses-b', second]),
    'sub-1/ses-a/anat/sub-1_ses-a_T1w.nii.gz': image,
    'sub-1/ses-b/anat/sub-1_ses-b_T1w.nii.gz': image,
  });

  it.each<[string, Selection, string]>([
    ['of the session that a filter takes', { filter: { ses: ['b'] } }, 'y'],
    ['of the first session where one image a subject is taken', { one_per: 'subject' }, 'x'],
  ])('from sessions.tsv: %s', async (_what, selection, label) => {
    const root = await tree(twoSessions('x', 'y'));
    expect(await labels(root, selection)).toEqual({ 'sub-1': label });
    await expect(labels(root)).rejects.toThrow(code('NF_SELECT_TWO_LABELS'));
    await expect(labels(root)).rejects.toThrow('x (ses-a, line 2) and y (ses-b, line 3)');
  });

  it('from sessions.tsv where all sessions agree', async () => {
    expect(await labels(await tree(twoSessions('x', 'x')))).toEqual({ 'sub-1': 'x' });
  });

  it('from phenotype, the first table that has the column, and from a table that is named', async () => {
    const root = await tree({
      'participants.tsv': tsv(['participant_id'], ['sub-1'], ['sub-2']),
      'phenotype/a.tsv': tsv(['participant_id', 'iq'], ['sub-1', '100']),
      'phenotype/b.tsv': tsv(['participant_id', 'diagnosis'], ['sub-1', 'x'], ['sub-2', 'y']),
      'phenotype/c.tsv': tsv(['participant_id', 'diagnosis'], ['sub-1', 'z'], ['sub-2', 'y']),
    });
    expect(await labels(root)).toEqual({ 'sub-1': 'x', 'sub-2': 'y' });
    expect((await readSubjects(root)).labels?.table).toBe('phenotype/b.tsv');
    expect(await labels(root, { labels: 'phenotype/c.tsv' })).toEqual({ 'sub-1': 'z', 'sub-2': 'y' });
  });

  it('for the folders of subjects where there is no participants.tsv', async () => {
    const root = await tree({
      'phenotype/b.tsv': tsv(['participant_id', 'diagnosis'], ['sub-1', 'x']),
      'sub-1/anat/sub-1_T1w.nii.gz': image,
      'sub-2/anat/sub-2_T1w.nii.gz': image,
    });
    expect(await labels(root)).toEqual({ 'sub-1': 'x', 'sub-2': '(no diagnosis)' });
  });
});

it('keeps images of one patient together by a column, in place of guessed groups', async () => {
  const root = await tree({
    'participants.tsv': tsv(
      ['participant_id', 'diagnosis', 'group_id', 'patient'],
      ['sub-1', 'a', 'g1', 'P7'],
      ['sub-2', 'a', 'g1', 'P8'],
      ['sub-3', 'n/a', 'g2', 'n/a'],
    ),
  });
  const { rows } = await readSubjects(root, { group_column: 'patient' });
  expect(rows.map(({ values }) => values.get('group_id'))).toEqual(['P7', 'P8', undefined]);
});

it('makes no more people by a column than the data set has groups', async () => {
  const root = await tree({
    'participants.tsv': tsv(
      ['participant_id', 'diagnosis', 'group_id', 'scan'],
      ['sub-1', 'a', 'g1', 'S1'],
      ['sub-2', 'a', 'g1', 'S2'],
      ['sub-3', 'a', 'g2', 'S2'],
      ['sub-4', 'a', 'g3', 'S3'],
      ['sub-5', 'a', 'n/a', 'S4'],
    ),
  });
  const { rows } = await readSubjects(root, { group_column: 'scan' });
  // Sub-2 is one with sub-1 by the data set, and with sub-3 by the column.
  expect([countPeople(rows), countPeople(rows.slice(0, 3)), countPeople(rows.slice(2))]).toEqual([3, 1, 3]);
});

describe('refuses', () => {
  const good: Files = { 'participants.tsv': TABLE };
  const CASES: [string, Files, Selection, string, string, number?][] = [
    ['a column that is not there', good, {}, 'NF_DATA_COLUMN', "' tumor type & grade'", 1],
    ['a column with a slip', good, { label_column: 'agee' }, 'NF_DATA_COLUMN', "Did you mean 'age'?", 1],
    [
      'values that the map lacks',
      good,
      { label_column: 'tumor type & grade', label_map: MAP },
      'NF_SELECT_UNMAPPED',
      "' meningioma\u00a0I ' (line 4; did you mean 'Meningioma I'?).",
      4,
    ],
    [
      'a group column that is not there',
      { 'participants.tsv': tsv(['participant_id', 'diagnosis'], ['sub-1', 'a']) },
      { group_column: 'patient' },
      'NF_SPLIT_COLUMN',
      'patient',
      1,
    ],
    [
      'a labelled participant without a patient',
      {
        'participants.tsv': tsv(
          ['participant_id', 'diagnosis', 'p'],
          ['sub-1', 'a', '1'],
          ['sub-2', 'a', 'n/a'],
        ),
      },
      { group_column: 'p' },
      'NF_SELECT_GROUP',
      'sub-2 has no value',
      3,
    ],
    [
      'two labels in a table of repeats',
      { ...good, 'phenotype/x.tsv': tsv(['participant_id', 'diagnosis'], ['sub-1', 'a'], ['sub-1', 'b']) },
      {},
      'NF_SELECT_TWO_LABELS',
      'a (line 2) and b (line 3)',
      3,
    ],
    ['a table that is not there', good, { labels: 'phenotype/y.tsv' }, 'NF_PATH_MISSING', 'phenotype/y.tsv'],
    [
      'a table that is not whole',
      { ...good, 'phenotype/y.tsv': 'a\tb\n' },
      { labels: 'phenotype/y.tsv' },
      'NF_BIDS_PARTICIPANTS',
      'y.tsv is not usable',
      1,
    ],
    [
      'a record that is not one',
      { ...good, 'participants.json': '{"diagnosis": {"Selection": {"version": 9}}}' },
      {},
      'NF_SELECT_RECORD',
      'version',
    ],
  ];
  it.each(CASES)('%s', async (_what, files, selection, name, says, line) => {
    const failure: unknown = await labels(await tree(files), selection).catch((thrown: unknown) => thrown);
    const {
      hint = '',
      message = '',
      place,
    } = failure as { hint?: string; message?: string; place?: { line?: number } };
    expect(failure).toEqual(code(name));
    expect(`${message} ${hint}`).toContain(says);
    expect(place?.line).toBe(line);
  });

  it('a link from the tables of a data set to a place outside', async () => {
    const root = await tree(good);
    const { mkdir, symlink, writeFile } = await import('node:fs/promises');
    const other = await makeFolder();
    await writeFile(join(other, 'x.tsv'), tsv(['participant_id', 'diagnosis'], ['sub-1', 'a']));
    await mkdir(join(root, 'phenotype'));
    await symlink(join(other, 'x.tsv'), join(root, 'phenotype/x.tsv'));
    await expect(labels(root)).rejects.toThrow(code('NF_SELECT_TABLE_OUTSIDE'));
  });
});
