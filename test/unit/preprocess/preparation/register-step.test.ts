import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Affine } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { readPipeline } from '../../../../src/preprocess/preparation/pipeline.ts';
import { prepareDataset } from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { readScan } from '../../../../src/preprocess/preparation/prepare-image.ts';
import { moved } from '../../../../src/preprocess/preparation/registration/move.ts';
import { regridded } from '../../../../src/preprocess/preparation/resample.ts';
import type { Scan } from '../../../../src/preprocess/preparation/scan.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { headImage, makeTree } from '../../../support/bids-tree.ts';
import { madeHead, NODDING } from '../../../support/made-head.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const at = (name: string) => join(root, name);
const WORK = { jobs: 2, skipBad: false, signal: new AbortController().signal, progress: noProgress };
const STEPS = `steps:
  - {step: resample, voxel: 4}
  - {step: register, template: templates/made.nii, space: made}
  - {step: resample, voxel: 5, interpolation: cubic}
`;

async function put(name: string, content: string | Uint8Array | Scan): Promise<void> {
  await mkdir(dirname(at(name)), { recursive: true });
  const isFile = typeof content === 'string' || content instanceof Uint8Array;
  await writeFile(at(name), isFile ? content : encodeNifti(content));
}

async function prepare(source: string, target: string, steps: string) {
  await put(`${target}.yaml`, steps);
  const pipeline = await readPipeline(at(`${target}.yaml`));
  return prepareDataset({ ...WORK, source: at(source), target: at(target), pipeline });
}

interface Sidecar {
  readonly Registration: { readonly TemplateToImage: Affine };
}

describe('the step register', () => {
  beforeAll(async () => {
    await put('templates/made.nii', madeHead());
    await makeTree(at('heads'), {});
    await put('heads/sub-1/anat/sub-1_acq-a_T1w.nii', madeHead({ matrix: NODDING, shape: [40, 44, 40] }));
    await put('heads/sub-2/anat/sub-2_space-other_res-2_T1w.nii', madeHead({ shown: (value) => 10 * value }));
    await prepare('heads', 'prepared', STEPS);
  });

  const stem = 'prepared/sub-1/anat/sub-1_acq-a_';

  it('resamples once, by the motion that it writes down, and the mask with it', async () => {
    const image = await readNifti(at(`${stem}space-made_desc-preproc_T1w.nii.gz`));
    const head = await readNifti(at(`${stem}space-made_desc-head_mask.nii.gz`));
    const sidecar = await readFile(at(`${stem}space-made_desc-preproc_T1w.json`), 'utf8');
    const { TemplateToImage } = (JSON.parse(sidecar) as Sidecar).Registration;
    const source = await readScan(at('heads/sub-1/anat/sub-1_acq-a_T1w.nii'));
    const grid = regridded(madeHead(), [5, 5, 5]);
    const expected = moved(source, TemplateToImage, { grid, interpolation: 'cubic' });
    expect(image.shape).toEqual(expected.shape);
    expect(Buffer.from(image.data.buffer).equals(Buffer.from(expected.data.buffer))).toBe(true);
    expect(new Set(head.data)).toEqual(new Set([0, 1]));
    expect(head.shape).toEqual(image.shape);
  });

  it('writes the motion as ITK reads it: in a world whose first two axes are turned', async () => {
    const sidecar = await readFile(at(`${stem}space-made_desc-preproc_T1w.json`), 'utf8');
    const { TemplateToImage: m } = (JSON.parse(sidecar) as Sidecar).Registration;
    const text = await readFile(at(`${stem}from-T1w_to-made_mode-image_xfm.txt`), 'utf8');
    const [, numbers = ''] = /^Parameters: (.*)$/m.exec(text) ?? [];
    expect(text).toMatch(/^#Insight Transform File V1\.0\n/);
    const own = [m[0][0], m[0][1], -m[0][2], m[1][0], m[1][1], -m[1][2], -m[2][0], -m[2][1], m[2][2]];
    expect(numbers.split(' ').map(Number)).toEqual([...own, -m[0][3], -m[1][3], m[2][3]]);
  });

  it('names space and template in the files, and no path of this machine', async () => {
    expect(await readdir(at('prepared/sub-2/anat'))).toEqual([
      'sub-2_res-2_from-T1w_to-made_mode-image_xfm.txt',
      'sub-2_space-made_res-2_desc-head_mask.json',
      'sub-2_space-made_res-2_desc-head_mask.nii.gz',
      'sub-2_space-made_res-2_desc-preproc_T1w.json',
      'sub-2_space-made_res-2_desc-preproc_T1w.nii.gz',
    ]);
    expect(await readFile(at('prepared/.bidsignore'), 'utf8')).toBe('*_xfm.txt\n');
    const files = ['dataset_description.json', 'README', 'desc-preproc_T1w.json', 'desc-head_mask.json'];
    const texts = await Promise.all(files.map((name) => readFile(at(`prepared/${name}`), 'utf8')));
    for (const text of texts) {
      expect(text).toContain('made.nii');
      expect(text).not.toContain(root);
    }
    expect(texts[0]).toMatch(/sha256\\":\\"[0-9a-f]{64}/);
  });

  const REGISTER = 'steps: [{step: register, template: TEMPLATE}]\n';
  it.each<[string, string, string | Uint8Array | Scan, string]>([
    ['is not there', 'none.nii', '', 'NF_PATH_MISSING'],
    ['is no volume', 'page.nii', '<html>', 'NF_NIFTI_FOREIGN'],
    ['is a series', 'series.nii', headImage({ seed: 1, volumes: 3 }), 'NF_VOLUME_SERIES'],
    [
      'shows nothing',
      'blank.nii',
      { ...madeHead(), data: new Float32Array(32 * 36 * 30) },
      'NF_REGISTER_TEMPLATE',
    ],
    ['is of no form that is read', 'head.txt', 'a head', 'NF_VOLUME_FORMAT'],
  ])('refuses a template that %s, before it begins', async (_, name, content, code) => {
    if (content !== '') await put(name, content);
    await expect(prepare('heads', 'never', REGISTER.replace('TEMPLATE', name))).rejects.toMatchObject({
      code,
      place: { file: at(name) },
    });
    expect(existsSync(at('never'))).toBe(false);
  });

  it.each<[string, string | Uint8Array | Scan, string]>([
    ['shows no head', madeHead({ shown: (tissue) => (tissue > 0 ? 100 : 0) }), 'NF_REGISTER_UNLIKE'],
    [
      'is a tenth as large',
      {
        ...madeHead(),
        affine: [
          [0.3, 0, 0, 0],
          [0, 0.3, 0, 0],
          [0, 0, 0.3, 0],
          [0, 0, 0, 1],
        ],
      },
      'NF_REGISTER_UNLIKE',
    ],
    ['is a series', headImage({ seed: 1, volumes: 3 }), 'NF_VOLUME_SERIES'],
  ])('refuses an image that %s, and leaves nothing', async (_, content, code) => {
    const folder = `${code}-${String(content.toString()).length}`;
    await makeTree(at(folder), {});
    await put(`${folder}/sub-1/anat/sub-1_T1w.nii`, content);
    await expect(
      prepare(folder, 'never', REGISTER.replace('TEMPLATE', 'templates/made.nii')),
    ).rejects.toMatchObject({
      code,
      place: { file: expect.stringContaining('sub-1_T1w.nii') },
    });
    expect((await readdir(root)).filter((name) => name.includes('never') && !name.endsWith('.yaml'))).toEqual(
      [],
    );
  });
});
