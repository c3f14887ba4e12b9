import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaceNiftis } from '../../../../src/preprocess/deface/deface-nifti.ts';
import { faceRegion } from '../../../../src/preprocess/deface/remove-face.ts';
import { convertFiles } from '../../../../src/preprocess/dicom/convert/dcm2niix.ts';
import { decodeNifti, readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { largestPart } from '../../../../src/preprocess/preparation/head-mask.ts';

const DATA = resolve(process.env.NEUROFLARE_TEST_DATA ?? '../shared/data');

/** What is bright three voxels around, in one piece: the core of the brain, found in another way than where the face is. */
function coreOf(data: Float32Array, shape: readonly [number, number, number]): Uint8Array {
  const sorted = data.slice().sort();
  const bright = 0.5 * (sorted[Math.floor(0.98 * sorted.length)] ?? 0);
  const steps = [1, shape[0], shape[0] * shape[1]];
  let mask = Uint8Array.from(data, (value) => (value > bright ? 1 : 0));
  for (let round = 0; round < 3; round++)
    mask = mask.map((value, at) =>
      value && steps.every((step) => mask[at - step] && mask[at + step]) ? 1 : 0,
    );
  return largestPart(mask, shape);
}

describe.skipIf(!existsSync(DATA))('real heads', () => {
  it.each(['MR_Gd', 'spm152'])('%s, a brain alone, loses no voxel of it', async (name) => {
    const { shape, data, affine } = await readNifti(join(DATA, 'nifti', `${name}.nii.gz`));
    const region = faceRegion({ shape: [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1], data, affine });
    if (typeof region === 'string') throw new Error(region);
    expect(data.reduce((sum, value, at) => sum + (value > 0 && region.mask[at] ? 1 : 0), 0)).toBe(0);
    expect(region.tissueMl).toBe(0);
  });

  it.each(['axasc35', 'sagasc36'])(
    '%s, a series from DICOM, loses what lies before the brain and none of it',
    async (name) => {
      const folder = join(DATA, 'dicom', name);
      const files = await convertFiles((await readdir(folder)).map((file) => join(folder, file)));
      const bytes = files?.find((file) => file.name.endsWith('.nii'))?.bytes ?? new Uint8Array(0);
      const before = await decodeNifti(bytes.slice(), 'a.nii');
      const done = await defaceNiftis([{ name: 'a.nii', bytes }]);
      if (typeof done === 'string') throw new Error(done);
      const mask = await decodeNifti(done[0]?.mask ?? bytes, 'mask.nii');
      const [x = 1, y = 1, z = 1] = mask.shape;
      const core = coreOf(before.data.slice(0, x * y * z), [x, y, z]);
      const ml = core.reduce((sum, value) => sum + value, 0) * 0.027;
      expect(ml).toBeGreaterThan(300);
      expect(core.findIndex((value, at) => value === 1 && mask.data[at] === 1)).toBe(-1);
      expect(done[0]?.tissueMl).toBeGreaterThan(50);
    },
  );
});
