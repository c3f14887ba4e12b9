import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Affine } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { readPipeline } from '../../../../src/preprocess/preparation/pipeline.ts';
import {
  type PrepareResult,
  prepareDataset,
} from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { readScan } from '../../../../src/preprocess/preparation/prepare-image.ts';
import { moved } from '../../../../src/preprocess/preparation/registration/move.ts';
import { regridded } from '../../../../src/preprocess/preparation/resample.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { selectionSchema } from '../../../../src/runtime/base/selection/selection.ts';
import { madeHead } from '../../../support/made-head.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { writeFiles } from '../../../support/write-files.ts';

const root = tempFolder();
const at = (name: string) => join(root, name);
const NODDING: Affine = [
  [0.98, 0.1, 0.02, 5],
  [-0.09, 0.93, -0.3, -8],
  [-0.05, 0.29, 0.93, 6],
  [0, 0, 0, 1],
];
const MASK = 'derivatives/lesions/sub-1/anat/sub-1';
const STEM = 'sub-1/anat/sub-1';
const CHANNELS = selectionSchema.parse({ channels: ['T1w', 'T2w'], incomplete: 'drop' });
const inverted = (tissue: number) => (tissue === 0 ? 0 : 160 - tissue);

describe('several contrasts and a step register', () => {
  let made: PrepareResult;
  beforeAll(async () => {
    const t1 = madeHead({ matrix: NODDING, shape: [40, 44, 40] });
    const t2 = madeHead({ matrix: NODDING, shape: [30, 44, 40], voxel: [4, 3, 3], shown: inverted });
    const lesion = Uint8Array.from(t2.data, (value) => (value > 60 && value < 75 ? 1 : 0));
    await writeFiles(root, {
      'made.nii': encodeNifti(madeHead()),
      'steps.yaml':
        'steps:\n  - {step: register, template: made.nii, space: made}\n  - {step: resample, voxel: 4, interpolation: cubic}\n' +
        '  - {step: crop, margin: 8}\n  - {step: intensity, method: z_score}\n',
      'placed.yaml':
        'steps:\n  - {step: reorient}\n  - {step: register, template: made.nii, space: made}\n  - {step: resample, voxel: 5}\n',
      'bids/dataset_description.json': '{"Name": "made", "BIDSVersion": "1.11.1"}',
      'bids/participants.tsv': 'participant_id\tdiagnosis\nsub-1\till\nsub-2\twell\n',
      [`bids/${STEM}_T1w.nii`]: encodeNifti(t1),
      [`bids/${STEM}_T2w.nii`]: encodeNifti(t2),
      [`bids/${MASK}_desc-lesion_mask.nii`]: encodeNifti({ ...t2, data: lesion }),
      'bids/sub-2/anat/sub-2_T1w.nii': encodeNifti(t1),
    });
    made = await prepare('placed');
  });

  async function prepare(steps: string, source = 'bids', selection = CHANNELS): Promise<PrepareResult> {
    return prepareDataset({
      source: at(source),
      target: at(`out-${source}-${steps}`),
      pipeline: await readPipeline(at(`${steps}.yaml`)),
      selection,
      jobs: 1,
      skipBad: false,
      signal: new AbortController().signal,
      progress: noProgress,
    });
  }
  const json = async (name: string) => JSON.parse(await readFile(name, 'utf8')) as object;

  it('come into the space of the template by the motion of the first, each from its own voxels at once', async () => {
    expect(made.incomplete).toEqual(['sub-2 (no T2w)']);
    const of = (suffix: string) => join(made.path, `${STEM}_space-made_desc-preproc_${suffix}`);
    const said = await json(`${of('T1w')}.json`);
    const { TemplateToImage } = (said as { Registration: { TemplateToImage: Affine } }).Registration;
    const grid = regridded(madeHead(), [5, 5, 5]);
    for (const suffix of ['T1w', 'T2w']) {
      const source = await readScan(at(`bids/${STEM}_${suffix}.nii`));
      const expected = moved(source, TemplateToImage, { grid, interpolation: 'linear' });
      const { data, shape, affine } = await readNifti(`${of(suffix)}.nii.gz`);
      expect([shape, affine]).toEqual([[...expected.shape], expected.affine]);
      const far = data.reduce(
        (most, value, voxel) => Math.max(most, Math.abs(value - (expected.data[voxel] ?? 0))),
        0,
      );
      expect(far).toBeLessThan(0.01);
    }
    expect((await readdir(join(made.path, 'sub-1/anat'))).filter((name) => /T2w|xfm/.test(name))).toEqual([
      'sub-1_from-T1w_to-made_mode-image_xfm.txt',
      'sub-1_space-made_desc-preproc_T2w.json',
      'sub-1_space-made_desc-preproc_T2w.nii.gz',
    ]);
    expect(await json(join(made.path, 'desc-preproc_T2w.json'))).toMatchObject({
      SpatialReference: 'made.nii',
    });
  });

  it('bring masks along by the same motion', async () => {
    const mask = await readNifti(join(made.path, `${MASK}_space-made_desc-lesion_mask.nii.gz`));
    const t2 = await readNifti(join(made.path, `${STEM}_space-made_desc-preproc_T2w.nii.gz`));
    expect([mask.shape, mask.affine]).toEqual([t2.shape, t2.affine]);
    const inside = t2.data.filter((_, voxel) => mask.data[voxel] === 1);
    expect(inside.length).toBeGreaterThan(100);
    const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    expect(mean).toBeGreaterThan(55);
    expect(mean).toBeLessThan(80);
  });

  it('are refused where two images would become one file', async () => {
    const image = encodeNifti(madeHead());
    const stem = 'twice/sub-1/anat/sub-1';
    await writeFiles(root, {
      'twice/dataset_description.json': '{"Name": "made", "BIDSVersion": "1.11.1"}',
      [`${stem}_T1w.nii`]: image,
      [`${stem}_space-orig_T1w.nii`]: image,
    });
    const selection = selectionSchema.parse({});
    await expect(prepare('placed', 'twice', selection)).rejects.toMatchObject({ code: 'NF_PREPARE_TWICE' });
    expect(await readdir(root)).not.toContain('out-twice-placed');
  });

  it('go through the steps behind it with the head of the first', async () => {
    const { path } = await prepare('steps');
    const read = (name: string) => readNifti(join(path, `${STEM}_space-made_desc-${name}.nii.gz`));
    const [t1, t2, head] = [await read('preproc_T1w'), await read('preproc_T2w'), await read('head_mask')];
    expect([t2.shape, t2.affine]).toEqual([t1.shape, t1.affine]);
    for (const { data } of [t1, t2]) {
      const inside = data.filter((_, voxel) => head.data[voxel] === 1);
      const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
      const variance = inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length;
      expect(mean).toBeCloseTo(0, 3);
      expect(variance).toBeCloseTo(1, 3);
    }
  });
});
