import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { fitScale } from '../../../../src/preprocess/preparation/fit-scale.ts';
import { type IntensityScale, scaleText } from '../../../../src/preprocess/preparation/intensity-scale.ts';
import { landmarksOf, sumsOf } from '../../../../src/preprocess/preparation/landmarks.ts';
import { readPipeline, readStepsBeforeScale } from '../../../../src/preprocess/preparation/pipeline.ts';
import { prepareDataset } from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { writeSplit } from '../../../../src/preprocess/split/manifest.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { makeTree, tsv } from '../../../support/bids-tree.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const at = (name: string) => join(root, name);
const put = (name: string, text: string) => writeFile(at(name), text);
const NYUL = 'steps:\n  - {step: reorient}\n  - {step: intensity, method: nyul, scale: scale.json}\n';
const WORK = { jobs: 2, skipBad: false, signal: new AbortController().signal, progress: noProgress };
const IDS = ['sub-1', 'sub-2', 'sub-3', 'sub-4'];

async function scaleOf(name: string): Promise<IntensityScale> {
  return JSON.parse(await readFile(at(name), 'utf8')) as IntensityScale;
}

async function fitted(source: string, target: string, split?: string) {
  const pipeline = await readStepsBeforeScale(at('nyul.yaml'));
  return fitScale({ ...WORK, source, target: at(target), pipeline, split });
}

/** Every other head is bright in the middle, so that heads differ in shape of histogram and not in scale alone. */
function heads(name: string, columns: readonly string[], cells: (id: string) => string[]): Promise<string> {
  const images = IDS.map((id, index) => [
    `${id}/anat/${id}_T1w.nii.gz`,
    { seed: index, bright: index % 2 === 1 },
  ]);
  return makeTree(at(name), {
    'participants.tsv': tsv(['participant_id', ...columns], ...IDS.map((id) => [id, ...cells(id)])),
    ...Object.fromEntries(images),
  });
}

describe('a scale of intensities', () => {
  let source = '';

  beforeAll(async () => {
    await put('nyul.yaml', NYUL);
    source = await heads('heads', ['diagnosis'], () => ['ill']);
    await fitted(source, 'scale.json');
  });

  it('is fitted to the training parts of a split alone', async () => {
    const rule = { strategy: 'iid', validation: 0, test: 0.5 } as const;
    const { split } = planSplit(await readParticipants(source), { rule, seed: 1, sites: 1 }, source);
    await writeSplit(at('split.json'), split);
    const { path, part, images } = await fitted(source, 'trained.json', at('split.json'));
    expect([path, part]).toEqual([at('trained.json'), 'train']);
    expect(images.map(({ file }) => file.slice(0, 5))).toEqual(split.sites[0]?.train);
    const [trained, all] = [await scaleOf('trained.json'), await scaleOf('scale.json')];
    expect([trained.images, all.images]).toEqual([2, 4]);
    expect(trained.landmarks).not.toEqual(all.landmarks);
  });

  it('is fitted, in the tree of a site, to what its table says is for training', async () => {
    const site = await heads('site', ['diagnosis', 'partition'], (id) => [
      'ill',
      id < 'sub-3' ? 'train' : 'test',
    ]);
    const { part, images } = await fitted(site, 'site.json');
    expect([part, images.map(({ file }) => file.slice(0, 5))]).toEqual(['train', ['sub-1', 'sub-2']]);
  });

  it('is the scale of every image that is brought to it', async () => {
    const pipeline = await readPipeline(at('nyul.yaml'));
    await prepareDataset({ ...WORK, source, target: at('prepared'), pipeline });
    const { landmarks } = await scaleOf('scale.json');
    expect([landmarks[0], landmarks.at(-1)]).toEqual([0, 100]);
    for (const id of IDS) {
      const stem = at(`prepared/${id}/anat/${id}_desc-`);
      const image = await readNifti(`${stem}preproc_T1w.nii.gz`);
      const head = await readNifti(`${stem}head_mask.nii.gz`);
      const found = landmarksOf(image.data.filter((_, voxel) => head.data[voxel] === 1));
      for (const [rank, value] of landmarks.entries()) expect(found?.[rank], id).toBeCloseTo(value, 3);
    }
    const description = await readFile(at('prepared/dataset_description.json'), 'utf8');
    expect(description).toContain('neuroflare-intensity-scale');
    expect(description).not.toContain(root);
  });

  it('overwrites nothing', async () => {
    const before = await readFile(at('scale.json'), 'utf8');
    await expect(fitted(source, 'scale.json')).rejects.toMatchObject({ code: 'NF_PATH_EXISTS' });
    expect(await readFile(at('scale.json'), 'utf8')).toBe(before);
  });

  it('leaves nothing where an image cannot be read', async () => {
    const broken = await makeTree(at('broken'), { 'sub-1/anat/sub-1_T1w.nii': 'no image' });
    await expect(fitted(broken, 'never.json')).rejects.toMatchObject({ place: { file: expect.any(String) } });
    expect(existsSync(at('never.json'))).toBe(false);
  });

  it.each([
    ['a scale that is not there', NYUL.replace('scale.json', 'none.json'), 'NF_PATH_MISSING', 'none.json'],
    ['the method without a scale', NYUL.replace(', scale: scale.json', ''), 'NF_PIPELINE', 'bad.yaml'],
    ['a scale for another method', NYUL.replace('nyul', 'z_score'), 'NF_PIPELINE', 'bad.yaml'],
    ['a scale that is no JSON', NYUL.replace('scale.json', 'broken.json'), 'NF_SCALE_JSON', 'broken.json'],
    ['a scale that falls', NYUL.replace('scale.json', 'falls.json'), 'NF_SCALE', 'falls.json'],
    ['a scale after other steps', NYUL.replace('reorient', 'bias_field'), 'NF_SCALE_AFTER', 'bad.yaml'],
    ['a scale of a later version', NYUL.replace('scale.json', 'later.json'), 'NF_SCALE', 'later.json'],
  ])('is refused by name: %s', async (_, text, code, file) => {
    const scale = await scaleOf('scale.json');
    await put('broken.json', '{"version": ');
    await put('falls.json', JSON.stringify({ ...scale, landmarks: scale.landmarks.toReversed() }));
    await put('later.json', JSON.stringify({ ...scale, version: 2 }));
    await put('bad.yaml', text);
    await expect(readPipeline(at('bad.yaml'))).rejects.toMatchObject({ code, place: { file: at(file) } });
  });

  it('is good after the steps that it was fitted after', async () => {
    await put('after.json', scaleText(sumsOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), ['bias_field']));
    await put('after.yaml', NYUL.replace('reorient', 'bias_field').replace('scale.json', 'after.json'));
    expect((await readPipeline(at('after.yaml'))).steps).toHaveLength(2);
    expect((await readStepsBeforeScale(at('after.yaml'))).steps).toMatchObject([{ step: 'bias_field' }]);
  });
});
