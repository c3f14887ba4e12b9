import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Affine } from '../../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import {
  type Pipeline,
  pipelineSchema,
  readPipeline,
} from '../../../../src/preprocess/preparation/pipeline.ts';
import { readTemplate } from '../../../../src/preprocess/preparation/registration/template-file.ts';
import { coarsened } from '../../../../src/preprocess/preparation/resample.ts';
import { runPipeline } from '../../../../src/preprocess/preparation/run-pipeline.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();

/** A small volume whose header says voxels of so many millimetres. */
function volumeOf(size: number) {
  const affine: Affine = [
    [size, 0, 0, 0],
    [0, size, 0, 0],
    [0, 0, size, 0],
    [0, 0, 0, 1],
  ];
  return { shape: [8, 8, 8] as const, data: new Float32Array(512).fill(1), affine };
}

const steps = (...given: object[]): Pipeline => pipelineSchema.parse({ steps: given });

it.each([
  [
    'voxels of a metre in those of a millimetre',
    1000,
    steps({ step: 'resample', voxel: 1 }),
    '8000 x 8000 x 8000',
  ],
  ['voxels next to nothing', 1, steps({ step: 'resample', voxel: [1e-5, 4, 4] }), '800000 x 2 x 2'],
  ['a frame of billions', 1, steps({ step: 'fit', shape: [4096, 4096, 4096] }), '4096 x 4096 x 4096'],
])('a few voxels do not become %s', async (_, size, pipeline, shape) => {
  await expect(runPipeline(volumeOf(size), pipeline, 'a.nii')).rejects.toMatchObject({
    code: 'NF_PREPARE_LARGE',
    message: expect.stringContaining(`The grid of a.nii would be ${shape} after`),
    place: { file: 'a.nii' },
  });
});

it.each([1e-9, 1e-30])('a look at voxels of %s mm in those of 8 mm takes no more than there are', (size) => {
  const { shape, data, affine } = volumeOf(size);
  const coarse = coarsened({ shape, data: data.map((_, at) => at % 8), affine }, 8);
  expect(coarse.shape).toEqual([1, 1, 1]);
  expect(coarse.data[0]).toBeGreaterThanOrEqual(0);
  expect(coarse.data[0]).toBeLessThanOrEqual(7);
});

it.each([100, 1e6, 1e30])('a template of voxels of %s mm is none of a head', async (size) => {
  const path = join(folder, 'template.nii');
  const data = Float32Array.from({ length: 24 ** 3 }, (_, at) => {
    const place = (step: number) => (Math.floor(at / step) % 24) - 12;
    return Math.hypot(place(1), place(24), place(576)) < 9 ? 100 + (at % 37) : at % 3;
  });
  await writeFile(path, encodeNifti({ shape: [24, 24, 24], data, affine: volumeOf(size).affine }));
  const file = { path, name: 'template.nii', sha256: String(size) };
  await expect(readTemplate(file)).rejects.toMatchObject({ code: 'NF_REGISTER_TEMPLATE' });
});

it('a pipeline of too many steps reads no file that they name', async () => {
  const path = join(folder, 'pipeline.yaml');
  await writeFile(path, `steps:\n${'  - { step: register, template: none.nii }\n'.repeat(33)}`);
  await expect(readPipeline(path)).rejects.toMatchObject({ code: 'NF_PIPELINE' });
});
