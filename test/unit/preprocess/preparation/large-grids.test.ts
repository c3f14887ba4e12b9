import { expect, it } from 'vitest';
import type { Affine } from '../../../../src/preprocess/nifti/affine.ts';
import { type Pipeline, pipelineSchema } from '../../../../src/preprocess/preparation/pipeline.ts';
import { runPipeline } from '../../../../src/preprocess/preparation/run-pipeline.ts';

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
