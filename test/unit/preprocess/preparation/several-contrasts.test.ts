import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Vector, worldOf } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { pipelineSchema } from '../../../../src/preprocess/preparation/pipeline.ts';
import { prepareDataset } from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { selectionSchema } from '../../../../src/runtime/base/selection/selection.ts';
import { contrastsTree, FINE, indexOf, MASK, slope, volume } from '../../../support/contrasts-tree.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';

const SPATIAL = { steps: [{ step: 'reorient' }, { step: 'resample', voxel: 2 }] };
const CHANNELS = { channels: ['T1w', 'FLAIR'] };

const tree = async () => contrastsTree(join(await makeFolder(), 'bids'));

function prepare(source: string, { pipeline = SPATIAL as object, selection = CHANNELS as object } = {}) {
  return prepareDataset({
    source,
    target: join(dirname(source), 'out'),
    pipeline: pipelineSchema.parse(pipeline),
    selection: selectionSchema.parse(selection),
    jobs: 1,
    skipBad: false,
    signal: new AbortController().signal,
    progress: noProgress,
  });
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('several contrasts are prepared', () => {
  it('on the grid of the first, each from its own voxels at once', async () => {
    const made = await prepare(await tree());
    expect(made.images.map(({ file }) => file)).toEqual([
      'sub-01/anat/sub-01_T1w.nii',
      'sub-01/anat/sub-01_FLAIR.nii',
      'sub-02/ses-1/anat/sub-02_ses-1_T1w.nii',
      'sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii',
    ]);
    for (const stem of ['sub-01/anat/sub-01', 'sub-02/ses-1/anat/sub-02_ses-1']) {
      const [t1, flair] = [
        await readNifti(join(made.path, `${stem}_desc-preproc_T1w.nii.gz`)),
        await readNifti(join(made.path, `${stem}_desc-preproc_FLAIR.nii.gz`)),
      ];
      expect(t1.orientation).toBe('RAS');
      expect([flair.shape, flair.affine]).toEqual([t1.shape, t1.affine]);
      const grid = { shape: [12, 12, 10] as const, affine: t1.affine };
      expect(t1.shape).toEqual(grid.shape);
      const wrong = flair.data.findIndex(
        (value, at) => Math.abs(value - slope(worldOf(grid.affine, indexOf(grid, at)))) > 0.01,
      );
      expect(wrong).toBe(-1);
    }
    const sidecar = JSON.parse(
      await readFile(join(made.path, 'sub-01/anat/sub-01_desc-preproc_FLAIR.json'), 'utf8'),
    );
    expect(sidecar).toEqual({
      Sources: ['bids:raw:sub-01/anat/sub-01_FLAIR.nii'],
      SpatialReference: 'bids:raw:sub-01/anat/sub-01_T1w.nii',
    });
  });

  it('with steps that change values done on each, inside the head of the first', async () => {
    const steps = [
      { step: 'resample', voxel: 2 },
      { step: 'crop', margin: 0 },
      { step: 'intensity', method: 'z_score' },
    ];
    const made = await prepare(await tree(), { pipeline: { steps } });
    const stem = join(made.path, 'sub-01/anat/sub-01');
    const [t1, flair, head] = [
      await readNifti(`${stem}_desc-preproc_T1w.nii.gz`),
      await readNifti(`${stem}_desc-preproc_FLAIR.nii.gz`),
      await readNifti(`${stem}_desc-head_mask.nii.gz`),
    ];
    expect([flair.shape, flair.affine]).toEqual([t1.shape, t1.affine]);
    expect(Math.max(...t1.shape)).toBeLessThan(12);
    const inside = flair.data.filter((_, at) => head.data[at] === 1);
    const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    expect(mean).toBeCloseTo(0, 4);
    expect(inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length).toBeCloseTo(1, 4);
  });

  it('with the labels that were drawn in them, by the nearest voxel', async () => {
    const made = await prepare(await tree());
    expect([made.masks, made.masksEmpty]).toEqual([[`${MASK}.nii`], []]);
    expect(made.masksLeft).toEqual([
      {
        file: 'derivatives/lesions/sub-01/anat/sub-01_space-MNI152_desc-lesion_mask.nii',
        reason: 'it lies in the space MNI152',
      },
      {
        file: 'derivatives/lesions/sub-01/ses-9/anat/sub-01_ses-9_dseg.nii',
        reason: 'no image that it may be of is prepared',
      },
    ]);
    const mask = await readNifti(join(made.path, `${MASK}.nii.gz`));
    const t1 = await readNifti(join(made.path, 'sub-01/anat/sub-01_desc-preproc_T1w.nii.gz'));
    expect([mask.dtype, mask.shape, mask.affine]).toEqual(['uint8', t1.shape, t1.affine]);
    expect([...new Set(mask.data)].sort()).toEqual([0, 1, 4]);
    // Of a ball of 5 mm there are about 524 mm3, in voxels of 8.
    const voxels = mask.data.filter((value) => value !== 0).length;
    expect(voxels).toBeGreaterThan(55);
    expect(voxels).toBeLessThan(76);
    const description = JSON.parse(
      await readFile(join(made.path, 'derivatives/lesions/dataset_description.json'), 'utf8'),
    );
    expect(description).toMatchObject({
      Name: 'lesions',
      GeneratedBy: [{ Name: 'hand' }, { Name: 'neuroflare' }],
    });
    expect(await readdir(join(made.path, 'derivatives/lesions'))).toContain('desc-lesion_mask.json');
  });

  it('with labels that are finer than the voxels, though none may be left of them', async () => {
    const source = await tree();
    const dot = ([x, y, z]: Vector) => (x === 0 && y === 0 && z === 0 ? 1 : 0);
    await writeFiles(source, { [`${MASK}.nii`]: volume(FINE, dot) });
    const made = await prepare(source, { pipeline: { steps: [{ step: 'resample', voxel: 6 }] } });
    expect([made.masks, made.masksEmpty]).toEqual([[`${MASK}.nii`], [`${MASK}.nii`]]);
  });

  it('with the tables of sessions and phenotype', async () => {
    const source = await tree();
    const { path } = await prepare(source);
    for (const name of [
      'participants.tsv',
      'phenotype/moca.tsv',

      'sub-02/sub-02_sessions.tsv',
    ])
      expect(await readFile(join(path, name))).toEqual(await readFile(join(source, name)));
    expect(JSON.parse(await readFile(join(path, 'phenotype/moca.json'), 'utf8'))).toEqual({
      Description: 'As in the source',
      moca: { Description: 'score' },
    });
    expect(JSON.parse(await readFile(join(path, 'participants.json'), 'utf8'))).toHaveProperty(
      'diagnosis.Levels',
    );
  });

  it('alone, of another contrast than T1w', async () => {
    const made = await prepare(await tree(), { selection: { suffix: 'FLAIR' } });
    expect(made.images.map(({ file }) => file)).toEqual([
      'sub-01/anat/sub-01_FLAIR.nii',
      'sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii',
    ]);
    expect(await readdir(join(made.path, 'sub-01/anat'))).toEqual([
      'sub-01_desc-preproc_FLAIR.json',
      'sub-01_desc-preproc_FLAIR.nii.gz',
    ]);
  });
});

describe('nothing is prepared', () => {
  it('where a channel is missing, which is named for all; or such sessions are left out and listed', async () => {
    const source = await tree();
    await rm(join(source, 'sub-01/anat/sub-01_FLAIR.nii'));
    await expect(prepare(source)).rejects.toThrow(/^1 example without all channels: sub-01 \(no FLAIR\)\.$/);
    expect(await readdir(dirname(source))).toEqual(['bids']);
    const made = await prepare(source, { selection: { ...CHANNELS, incomplete: 'drop' } });
    expect(made.incomplete).toEqual(['sub-01 (no FLAIR)']);
    expect(made.images).toHaveLength(2);
  });

  it.each(['white_stripe'])('where a scale of T1w is meant for another contrast: %s', async (method) => {
    const pipeline = { steps: [{ step: 'intensity', method }] };
    await expect(prepare(await tree(), { pipeline })).rejects.toThrow(code('NF_PREPARE_CONTRAST'));
  });

  it('where a mask holds fractions', async () => {
    const source = await tree();
    await writeFiles(source, { [`${MASK}.nii`]: volume(FINE, () => 0.5) });
    const error = await prepare(source).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'NF_PREPARE_LABELS', message: expect.stringMatching(/holds 0\.5/) });
    expect(await readdir(dirname(source))).toEqual(['bids']);
  });
});
