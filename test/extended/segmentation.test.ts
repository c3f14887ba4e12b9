import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readNifti } from '../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { runCli, runJson } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';

const DATA = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'nifti',
);
const HEADS = { 'sub-01': 'MR_Gd', 'sub-02': 'spm152' };
const cwd = tempFolder();

/** Real heads in voxels of 5 mm, and as their masks the brightest fifth of what is brighter than air: made, and no lesions. */
async function prepare(): Promise<void> {
  await writeFiles(join(cwd, 'bids'), {
    'dataset_description.json': '{"Name": "heads", "BIDSVersion": "1.11.1"}',
    'participants.tsv':
      'participant_id\tdiagnosis\tpartition\nsub-01\tmade\ttrain\nsub-02\tmade\tvalidation\n',
  });
  await writeFile(
    join(cwd, 'coarse.yaml'),
    'steps:\n  - step: reorient\n  - step: resample\n    voxel: 5\n  - step: intensity\n    method: percentiles\n',
  );
  for (const [id, head] of Object.entries(HEADS)) {
    await mkdir(join(cwd, `bids/${id}/anat`), { recursive: true });
    await copyFile(join(DATA, `${head}.nii.gz`), join(cwd, `bids/${id}/anat/${id}_T1w.nii.gz`));
  }
  const { code, stderr } = await runCli(
    ['preprocess', 'volumes', 'bids', 'prepared', '--pipeline', 'coarse.yaml'],
    { cwd },
  );
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
  for (const id of Object.keys(HEADS)) {
    const image = await readNifti(join(cwd, `prepared/${id}/anat/${id}_desc-preproc_T1w.nii.gz`));
    const [x = 1, y = 1, z = 1] = image.shape;
    const head = image.data.filter((value) => value > 0.1).sort();
    const bright = head[Math.floor(0.8 * head.length)] ?? 0;
    const mask = Uint8Array.from(image.data, (value) => (value > bright ? 1 : 0));
    await writeFiles(join(cwd, `prepared/derivatives/made/${id}/anat`), {
      [`${id}_desc-lesion_mask.nii`]: encodeNifti({ shape: [x, y, z], data: mask, affine: image.affine }),
    });
  }
}

it.skipIf(!existsSync(DATA))(
  'a U-Net learns masks that were made of real volumes',
  { timeout: 300_000 },
  async () => {
    await prepare();
    const job =
      'job create job --template mri-segmentation --set data=prepared --set model.patch_size=16 --set num_rounds=3 --set patches_per_volume=16 --set n_clients=1';
    expect(await runCli(job.split(' '), { cwd })).toMatchObject({ code: 0 });
    const file = join(cwd, 'job/job.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^ +split: .*\n/m, ''));
    const { answer } = await runJson(['simulate', 'job', '-q'], { cwd });
    expect(answer).toMatchObject({ status: 'ok' });
    const { best } = answer.data as { best: { value: number } };
    expect(best.value).toBeGreaterThan(0.5);
  },
);
