import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { worldOf } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { convertOptions } from '../../../support/convert-options.ts';
import { inHead, type MadeHead, madeHead, tissueAt, tissuesIn } from '../../../support/whole-head.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../../../unit/preprocess/image/made-pictures.ts';

const HEAD = madeHead();

/** A mask on the grid of a head: 1 in the tissue that is named. */
function maskOf({ shape, affine }: MadeHead, tissue: string): Uint8Array {
  const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at++)
        data[at] = tissueAt(inHead(worldOf(affine, [i, j, k]))) === tissue ? 1 : 0;
  return encodeNifti({ shape, data, affine });
}

/** Volumes and a table that names them, with a mask for each. */
async function scansOf(volumes: Readonly<Record<string, { image: Uint8Array; mask?: Uint8Array }>>) {
  const root = await makeFolder();
  const rows = ['file,label,mask'];
  for (const [at, [name, { image, mask }]] of Object.entries(volumes).entries()) {
    await writeFiles(root, {
      [`scans/${name}.nii`]: image,
      ...(mask && { [`scans/${name}-mask.nii`]: mask }),
    });
    rows.push(`${name}.nii,${at % 2 ? 'ill' : 'well'},${mask ? `${name}-mask.nii` : ''}`);
  }
  await writeFiles(root, { 'labels.csv': `${rows.join('\n')}\n` });
  return convertOptions(root, {
    source: join(root, 'scans'),
    table: join(root, 'labels.csv'),
    deface: true,
    jobs: 1,
  });
}

const image = encodeNifti(HEAD);
const random = createRandom('defaced-table', 1);
const noise = encodeNifti({ ...HEAD, data: HEAD.data.map(() => Math.floor(1000 * random.next())) });
const without = encodeNifti(HEAD);
new DataView(without.buffer, without.byteOffset).setInt32(252, 0, true);
const brain = encodeNifti(madeHead({ factor: (tissue) => (tissue === 'brain' ? 1 : 0) }));

describe('volumes of a table', () => {
  it('lose their faces and nothing else, and say so in every place', async () => {
    const options = await scansOf({ a: { image, mask: maskOf(HEAD, 'brain') }, b: { image: brain } });
    const { faces } = await convertFolder(options);
    expect(faces).toEqual({ removed: 1, none: 1 });
    const { data } = await readNifti(join(options.target, 'sub-0001/anat/sub-0001_T1w.nii.gz'));
    const mask = await readNifti(
      join(options.target, 'derivatives/defacing/sub-0001/anat/sub-0001_desc-face_mask.nii.gz'),
    );
    const marks = Uint8Array.from(mask.data);
    expect(tissuesIn(marks, HEAD)).toMatchObject({ brain: 0, bone: 0, face: expect.any(Number) });
    const least = HEAD.data.reduce((low, value) => Math.min(low, value));
    expect(data.findIndex((value, at) => value !== (marks[at] ? least : HEAD.data[at]))).toBe(-1);
    const other = await readNifti(join(options.target, 'sub-0002/anat/sub-0002_T1w.nii.gz'));
    expect(other.data).toEqual((await readNifti(join(options.source, 'b.nii'))).data);
    const text = (name: string) => readFile(join(options.target, name), 'utf8');
    expect((await text('participants.tsv')).split('\n')[0]).toMatch(/\tface\tface_ml$/);
    expect(await text('T1w.json')).toContain('the face was removed');
    expect(await text('README')).toContain('Ears, teeth');
  });

  it('keep their faces where that is said, and say that', async () => {
    const options = { ...(await scansOf({ a: { image }, b: { image: noise } })), deface: false };
    expect((await convertFolder(options)).faces).toEqual({ kept: 2 });
    expect(await readFile(join(options.target, 'T1w.json'), 'utf8')).toContain('Faces were not removed');
    expect(await readdir(options.target)).not.toContain('derivatives');
  });

  it('are looked at for no face where the source says that it is gone, or where they are slices', async () => {
    const slice = encodeNifti({
      ...HEAD,
      shape: [38, 52, 1],
      data: HEAD.data.slice(-38 * 52 * 12, -38 * 52 * 11),
    });
    const options = await scansOf({ a: { image: brain }, b: { image: slice } });
    expect((await convertFolder({ ...options, skullStripped: true })).faces).toEqual({
      stripped: 1,
      slice: 1,
    });
  });

  const bad: [what: string, row: { image: Uint8Array; mask?: Uint8Array }, code: string, more?: object][] = [
    ['no head', { image: noise }, 'NF_DEFACE_HEAD'],
    ['no directions', { image: without }, 'NF_DEFACE_HEAD'],
    ['a whole head that is said to be a brain', { image }, 'NF_DEFACE_STRIPPED', { skullStripped: true }],
    ['a lesion in the face', { image, mask: maskOf(HEAD, 'face') }, 'NF_DEFACE_LESION'],
  ];
  it.each(bad)('are refused by line: %s', async (_, row, code, more = {}) => {
    const options = { ...(await scansOf({ a: { image: brain }, b: row })), ...more };
    const excerpt = expect.stringContaining(`labels.csv:3: ${code}`);
    await expect(convertFolder(options)).rejects.toMatchObject({
      code: 'NF_BIDS_BAD_IMAGES',
      place: { excerpt },
    });
    expect(await readdir(join(options.target, '..'))).not.toContain('bids');
  });
});
