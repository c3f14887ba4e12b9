import { mkdirSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { readLabelMap } from '../../../../src/preprocess/sources/label-map.ts';
import { readInput, readInputText } from '../../../../src/runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../../../src/runtime/base/limits.ts';
import { openInputs } from '../../../../src/runtime/evaluation/predict/predict-inputs.ts';
import { readMembers } from '../../../../src/runtime/learning/dataset/members.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const { table_bytes: table, picture_bytes: picture, image_bytes: image } = DATA_LIMITS;
let count = 0;

/** A file of so many bytes, which take no room on the disk. */
async function sparse(name: string, bytes: number): Promise<string> {
  const file = join(root, String(count++), name);
  mkdirSync(dirname(file), { recursive: true });
  await writeFile(file, '');
  await truncate(file, bytes);
  return file;
}

const READERS: readonly (readonly [string, number, (file: string) => Promise<unknown>])[] = [
  ['participants.tsv', table.most, (file) => readParticipants(dirname(file))],
  [
    'participants.json',
    table.most,
    async (file) => {
      await writeFile(join(dirname(file), 'participants.tsv'), 'participant_id\tdiagnosis\nsub-01\tno\n');
      return readMembers({ root: dirname(file), site: 'site-1' });
    },
  ],
  ['slice.PNG', picture.most, (file) => openInputs([file], false)],
  ['sub-01_T1w.nii', image.most, readNifti],
  ['sub-01_T1w.nii.gz', image.most, readNifti],
  ['any.json', table.most, (file) => readInput(file)],
  ['any', table.most, readInputText],
  ['model', 2 ** 31 - 1, (file) => readInput(file)],
];

describe('a file of a data set that is too large', () => {
  it.each(READERS)(
    'as %s is refused, with its bytes and the most, before it is read',
    async (name, most, read) => {
      const file = await sparse(name, most + 1);
      await expect(read(file)).rejects.toMatchObject({
        code: 'NF_INPUT_LARGE',
        message: expect.stringContaining(`${most + 1} bytes, and ${most} are the most`),
        place: { file },
      });
    },
  );

  it('is refused sooner as a map of labels, as all YAML is', async () => {
    const file = await sparse('labels.yaml', 1_000_001);
    await expect(readLabelMap(file)).rejects.toMatchObject({
      code: 'NF_SELECT_MAP_YAML',
      message: expect.stringContaining('1000001 bytes'),
    });
  });

  it('is none where it has as many bytes as are read', async () => {
    expect(await readInput(await sparse('some.bin', 1000), 1000)).toEqual(Buffer.alloc(1000));
    expect(await readInput(await sparse('none.bin', 0), 0)).toEqual(Buffer.alloc(0));
  });
});
