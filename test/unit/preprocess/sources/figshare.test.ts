import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConvertOptions, convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { findLesionMask } from '../../../../src/preprocess/picture/lesion-pictures.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { convertOptions } from '../../../support/convert-options.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';
import { HEIGHT, pixelsOf, toMat, WIDTH } from './made-mat.ts';

const options = (root: string, more: Partial<ConvertOptions> = {}) =>
  convertOptions(root, { source: join(root, 'set'), ...more });

async function madeSet(more: Readonly<Record<string, Uint8Array | string>> = {}): Promise<string> {
  const root = await makeFolder();
  await writeFiles(root, {
    'set/brain 1-2/1.mat': await toMat({ seed: 1, label: 1, patient: '100360' }),
    'set/brain 1-2/2.mat': await toMat({ seed: 2, label: 2, patient: 'MR018260B' }),
    'set/brain 3-4/3.mat': await toMat({ seed: 3, label: 3, patient: 'MR018260C' }),
    'set/brain 3-4/4.mat': await toMat({ seed: 4, label: 1, patient: '100360' }),
    'set/cvind.mat': 'a list of folds',
    ...more,
  });
  return root;
}

describe("figshare's brain tumour set", () => {
  it('becomes slices with labels, masks, and groups by patient, whose ids stay behind', async () => {
    const root = await madeSet();
    const summary = await convertFolder(options(root));
    expect(summary).toMatchObject({
      images: 4,
      masks: 4,
      patients_named: 4,
      groups: { count: 3, largest: 2 },
    });
    const { rows } = await readParticipants(join(root, 'bids'));
    expect(rows.map(({ values }) => values.get('diagnosis'))).toEqual([
      'meningioma',
      'glioma',
      'pituitary',
      'meningioma',
    ]);
    expect(rows.map(({ values }) => values.get('group_id'))).toEqual([
      'group-0001',
      'group-0002',
      'group-0003',
      'group-0001',
    ]);
    for (const [at, id] of rows.map((row) => row.id).entries()) {
      const image = await readNifti(
        join(root, 'bids', id, 'anat', `${id}_ce-gadolinium_desc-slice_T1w.nii.gz`),
      );
      expect([image.shape, image.dtype]).toEqual([[WIDTH, HEIGHT, 1], 'int16']);
      expect([...image.data]).toEqual([...pixelsOf(at + 1)]);
    }
    const mask = await readNifti((await findLesionMask(join(root, 'bids'), 'sub-0001')) ?? '');
    expect([...mask.data].flatMap((value, at) => (value > 0 ? [at] : []))).toEqual(
      [3, 4, 5, 6, 7, 8].map((x) => x + 5 * WIDTH),
    );
    const table = await readFile(join(root, 'bids/participants.tsv'), 'utf8');
    expect(table).not.toMatch(/100360|MR018260/);
  });

  const bad: readonly (readonly [
    what: string,
    make: () => Promise<Uint8Array> | Uint8Array,
    says: RegExp,
  ])[] = [
    ['of version 5', () => Buffer.from(`MATLAB 5.0 MAT-file${' '.repeat(200)}`), /version 5, not 7\.3/],
    ['that are text', () => Buffer.from('text'), /no MATLAB 7\.3 data/],
    [
      'with another structure',
      () => toMat({ seed: 9, label: 1, patient: '1', struct: 'data' }),
      /no structure cjdata/,
    ],
    ['without image', () => toMat({ seed: 9, label: 1, patient: '1', without: 'image' }), /no cjdata\.image/],
    ['without patient', () => toMat({ seed: 9, label: 1, patient: '1', without: 'PID' }), /no cjdata\.PID/],
    [
      'with another label',
      () => toMat({ seed: 9, label: 7, patient: '1' }),
      /a label that is none of 1, 2 and 3/,
    ],
    [
      'with a mask of another shape',
      () => toMat({ seed: 9, label: 1, patient: '1', maskWidth: 22 }),
      /a mask of 22 x 24 for an image of 20 x 24/,
    ],
    [
      'with NaN',
      () =>
        toMat({ seed: 9, label: 1, patient: '1', image: new Float64Array(WIDTH * HEIGHT).fill(Number.NaN) }),
      /NaN or infinite/,
    ],
    [
      'that are cut off',
      async () => (await toMat({ seed: 9, label: 1, patient: '1' })).subarray(0, 1500),
      /damaged/,
    ],
  ];
  it.each(bad)('may not have files %s', async (_, make, says) => {
    const root = await madeSet({ 'set/5.mat': await make() });
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'NF_BIDS_BAD_IMAGES',
      exitCode: 4,
      place: { file: join(root, 'set', '5.mat') },
    });
    expect(error.place.excerpt).toMatch(/^5\.mat: NF_FIGSHARE, /);
    expect(error.place.excerpt).toMatch(says);
    expect(await readdir(root)).toEqual(['set']);
    expect((await convertFolder(options(root, { skipBad: true }))).images).toBe(4);
  });

  it('with bytes turned over anywhere is read or refused, and ends', async () => {
    const whole = await toMat({ seed: 9, label: 1, patient: '1' });
    const random = createRandom('noise', 1);
    const files: Record<string, Uint8Array> = {};
    for (let number = 10; number < 40; number++) {
      const bytes = Buffer.from(whole);
      for (let turn = 0; turn < 8; turn++)
        bytes[512 + Math.floor(random.next() * (bytes.length - 512))] = Math.floor(256 * random.next());
      files[`set/${number}.mat`] = bytes;
    }
    const root = await madeSet(files);
    const { images, bad: left } = await convertFolder(options(root, { skipBad: true }));
    expect(images + left.length).toBe(34);
    expect(left.every(({ code }) => code === 'NF_FIGSHARE' || code.startsWith('NF_VOLUME'))).toBe(true);
  });
});
