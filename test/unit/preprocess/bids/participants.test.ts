import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findExamples } from '../../../../src/preprocess/bids/layout.ts';
import {
  groupOf,
  parseParticipants,
  readParticipants,
} from '../../../../src/preprocess/bids/participants.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';

const parse = (text: string) => parseParticipants(Buffer.from(text), 'participants.tsv');
const fault = (code: string, line?: number) =>
  expect.objectContaining({ code, ...(line !== undefined && { place: expect.objectContaining({ line }) }) });

describe('parseParticipants', () => {
  it('reads rows, with n/a and empty cells left out', () => {
    const { columns, rows } = parse('participant_id\tdiagnosis\tage\nsub-01\tglioma\tn/a\nsub-02\t\t7\n');
    expect(columns).toEqual(['participant_id', 'diagnosis', 'age']);
    expect(rows.map(({ id, line }) => [id, line])).toEqual([
      ['sub-01', 2],
      ['sub-02', 3],
    ]);
    expect(rows[0]?.values.get('diagnosis')).toBe('glioma');
    expect([...(rows[0]?.values.keys() ?? [])]).toEqual(['participant_id', 'diagnosis']);
    expect(rows[1]?.values.get('age')).toBe('7');
  });

  it('reads a byte order mark, CRLF and a missing last newline', () => {
    const { rows } = parse('\uFEFFparticipant_id\tdiagnosis\r\nsub-1\tglioma\r\nsub-2\tpituitary');
    expect(rows.map(({ values }) => values.get('diagnosis'))).toEqual(['glioma', 'pituitary']);
  });

  it('is safe with columns and values named like parts of objects', () => {
    const { rows } = parse('participant_id\t__proto__\tconstructor\nsub-1\tx\t__proto__\n');
    expect(rows[0]?.values.get('__proto__')).toBe('x');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it('gives the group where there is one, else the subject', () => {
    const { rows } = parse('participant_id\tgroup_id\nsub-1\tgroup-9\nsub-2\tn/a\n');
    expect(rows.map(groupOf)).toEqual(['group-9', 'sub-2']);
  });

  it.each([
    ['a ragged row', 'participant_id\ta\nsub-1\tx\ty\n', 2],
    ['a short row', 'participant_id\ta\nsub-1\n', 2],
    ['a doubled id', 'participant_id\nsub-1\nsub-2\nsub-1\n', 4],
    ['an id with ..', 'participant_id\nsub-../../x\n', 2],
    ['an id with a slash', 'participant_id\nsub-1/2\n', 2],
    ['an id without sub-', 'participant_id\n01\n', 2],
    ['an empty line inside', 'participant_id\nsub-1\n\nsub-2\n', 3],
    ['a doubled column', 'participant_id\ta\ta\nsub-1\tx\ty\n', 1],
    ['another first column', 'id\tparticipant_id\n1\tsub-1\n', 1],
    ['no rows', 'participant_id\n', 1],
    ['nothing', '', 1],
  ])('refuses %s with its line', (_, text, line) => {
    expect(() => parse(text)).toThrow(fault('NF_BIDS_PARTICIPANTS', line));
  });

  it('refuses UTF-16', () => {
    const text = Buffer.from('\uFEFFparticipant_id\nsub-1\n', 'utf16le');
    expect(() => parseParticipants(text, 'x')).toThrow(fault('NF_BIDS_PARTICIPANTS'));
  });
});

describe('readParticipants', () => {
  it('says which file is missing', async () => {
    await expect(readParticipants(await makeFolder())).rejects.toThrow(fault('NF_BIDS_NOT_A_DATASET'));
  });
});

describe('findExamples', () => {
  it('finds raw images, sessions and derivatives, and nothing else', async () => {
    const root = await makeFolder();
    await writeFiles(root, {
      'sub-1/anat/sub-1_T1w.nii.gz': 'x',
      'sub-1/anat/sub-1_T1w.json': '{}',
      'sub-1/anat/sub-1_T2w.nii.gz': 'x',
      'sub-1/ses-a/anat/sub-1_ses-a_T1w.nii': 'x',
      'sub-2/anat/sub-2_desc-slice_T1w.nii.gz': 'x',
    });
    expect((await findExamples(root, 'sub-1')).flat().map((path) => path.slice(root.length + 1))).toEqual([
      'sub-1/anat/sub-1_T1w.nii.gz',
      'sub-1/ses-a/anat/sub-1_ses-a_T1w.nii',
    ]);
    expect(await findExamples(root, 'sub-2')).toHaveLength(1);
    await expect(findExamples(root, 'sub-3')).rejects.toThrow(fault('NF_BIDS_IMAGE_MISSING'));
  });

  it('says of a table that was not fetched how it comes', async () => {
    const root = await makeFolder();
    await symlink('.git/annex/objects/aa/bb/MD5E-s9--00.tsv/MD5E-s9--00.tsv', join(root, 'participants.tsv'));
    await expect(readParticipants(root)).rejects.toThrow(fault('NF_BIDS_CONTENT_ABSENT'));
    await rm(join(root, 'participants.tsv'));
    await writeFile(join(root, 'participants.tsv'), '/annex/objects/MD5E-s9--00.tsv\n');
    await expect(readParticipants(root)).rejects.toThrow(fault('NF_BIDS_CONTENT_ABSENT'));
  });

  it('follows links inside the data set only', async () => {
    const [root, elsewhere] = [await makeFolder(), await makeFolder()];
    await writeFiles(root, { 'store/a': 'x' });
    await writeFile(join(elsewhere, 'b'), 'x');
    for (const [id, to] of [
      ['sub-1', join(root, 'store/a')],
      ['sub-2', join(elsewhere, 'b')],
      ['sub-3', join(root, 'nothing')],
      ['sub-4', '../../.git/annex/objects/aa/bb/MD5E-s9--00/MD5E-s9--00'],
    ] as const) {
      await mkdir(join(root, id, 'anat'), { recursive: true });
      await symlink(to, join(root, id, 'anat', `${id}_T1w.nii.gz`));
    }
    expect(await findExamples(root, 'sub-1')).toHaveLength(1);
    await expect(findExamples(root, 'sub-2')).rejects.toThrow(fault('NF_BIDS_IMAGE_OUTSIDE'));
    await expect(findExamples(root, 'sub-3')).rejects.toThrow(fault('NF_BIDS_LINK'));
    const absent = await findExamples(root, 'sub-4').catch((thrown: unknown) => thrown);
    expect(absent).toMatchObject({
      code: 'NF_BIDS_CONTENT_ABSENT',
      hint: expect.stringMatching(/datalad get PATH.*git annex get PATH/),
    });
  });
});
