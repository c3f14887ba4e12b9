import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkBids } from '../../../src/preprocess/check/check-bids.ts';
import { centredAffine } from '../../../src/preprocess/nifti/affine.ts';
import { decodeNifti } from '../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../src/preprocess/nifti/write.ts';
import { readSubjects, readTables, type Subjects } from '../../../src/preprocess/select/read-subjects.ts';
import { readSplit } from '../../../src/preprocess/split/manifest.ts';
import { runSplit } from '../../../src/preprocess/split/run-split.ts';
import { noProgress } from '../../../src/runtime/base/logging/progress.ts';
import { type Selection, selectionSchema } from '../../../src/runtime/base/selection/selection.ts';
import { planeOf } from '../../../src/runtime/learning/dataset/image-set.ts';
import { openDataset } from '../../../src/runtime/learning/dataset/open-dataset.ts';
import { initialParams } from '../../../src/runtime/learning/models/initial-params.ts';
import { headImage, makeTree, tsv } from '../../support/bids-tree.ts';
import { splitOptions } from '../../support/split-options.ts';
import { makeFolder } from '../preprocess/image/made-pictures.ts';

const SELECTION = selectionSchema.parse({ channels: ['T1w', 'FLAIR'] });
const DROP = selectionSchema.parse({ ...SELECTION, incomplete: 'drop' });
const code = (name: string) => expect.objectContaining({ code: name });
const image = (id: string, suffix: string) => `${id}/anat/${id}_${suffix}.nii`;

/** Eight participants at one site, each with T1w and FLAIR. */
async function tree(): Promise<string> {
  const root = await makeFolder();
  const ids = Array.from({ length: 8 }, (_, at) => `sub-0${at + 1}`);
  await makeTree(root, {
    'participants.tsv': tsv(
      ['participant_id', 'diagnosis', 'partition'],
      ...ids.map((id, at) => [id, at % 2 ? 'ill' : 'well', at < 6 ? 'train' : 'validation']),
    ),
    ...Object.fromEntries(
      ids.flatMap((id, at) => [
        [image(id, 'T1w'), { seed: at }],
        [image(id, 'FLAIR'), { seed: 50 + at, bright: true }],
      ]),
    ),
  });
  return root;
}

async function firstBatch(root: string, selection: Selection | undefined, seed?: number) {
  const options = { imageSize: 32, slices: 4, batchSize: 2 };
  const { train } = await openDataset({ root, site: 'all', selection }, options);
  const batches = train.batches({ batchSize: 2, ...(seed !== undefined && { seed }) });
  const { value } = await batches.next();
  if (!value) throw new Error('no batch');
  return value;
}

async function findingsOf(root: string, participants: Subjects) {
  const view = { side: 32, slices: 4 };
  const { findings } = await checkBids(root, { participants, split: undefined, view, progress: noProgress });
  return findings;
}

describe('a data set of several channels', () => {
  it('gives examples with one picture of each, and each is that of its own image', async () => {
    const root = await tree();
    const both = await firstBatch(root, SELECTION);
    expect(both.x).toHaveLength(2 * 32 * 32 * 2);
    for (const [channel, suffix] of ['T1w', 'FLAIR'].entries()) {
      const alone = await firstBatch(root, { suffix });
      // Both heads have one shape and one place, so that their slices are the same.
      expect(planeOf(both.x, { channel, channels: 2 })).toEqual(alone.x);
    }
  });

  it('moves all channels of an example alike when it is augmented', async () => {
    const root = await tree();
    for (let at = 1; at <= 8; at++) {
      const id = `sub-0${at}`;
      await writeFile(join(root, image(id, 'FLAIR')), headImage({ seed: at - 1 }));
    }
    const moved = await firstBatch(root, SELECTION, 7);
    const [one, other] = [0, 1].map((channel) => planeOf(moved.x, { channel, channels: 2 }));
    expect(one).not.toEqual(other);
    // The outline of the head: gamma does not move it.
    const outline = (plane: Float32Array | undefined) => plane?.map((value) => (value > -2 ? 1 : 0));
    const differing = outline(one)?.filter((value, at) => value !== outline(other)?.[at]).length ?? 99;
    expect(differing).toBeLessThan(20);
  });

  it('takes slices and square of the first channel', async () => {
    const root = await tree();
    const { data, affine } = await decodeNifti(headImage({ seed: 1 }), 'a.nii');
    const low = data.map((value, at) => (Math.floor(at / 480) < 5 ? value : 0));
    await writeFile(
      join(root, image('sub-01', 'FLAIR')),
      encodeNifti({ shape: [20, 24, 8], data: low, affine }),
    );
    const both = await firstBatch(root, SELECTION);
    expect(planeOf(both.x, { channel: 0, channels: 2 })).toEqual(
      (await firstBatch(root, { suffix: 'T1w' })).x,
    );
    // The upper slices of the second channel are empty, as they are there.
    const second = planeOf(both.x, { channel: 1, channels: 2 }).subarray(0, 32 * 32);
    const lowest = Math.min(...second);
    expect(second.subarray(16 * 32 + 16, 16 * 32 + 32).every((value) => value === lowest)).toBe(true);
  });

  it('is refused where a channel has another grid, by name', async () => {
    const root = await tree();
    const { data } = await decodeNifti(headImage({ seed: 77 }), 'a.nii');
    const moved = centredAffine([20, 24, 8], [3, 3, 5]);
    await writeFile(
      join(root, image('sub-03', 'FLAIR')),
      encodeNifti({ shape: [20, 24, 8], data, affine: moved }),
    );
    const fault = code('NF_CHANNEL_GRID');
    await expect(firstBatch(root, SELECTION)).rejects.toThrow(fault);
    const findings = await findingsOf(root, await readTables(root, SELECTION));
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([
      expect.objectContaining({
        code: 'NF_CHANNEL_GRID',
        place: { file: join(root, image('sub-03', 'FLAIR')), participant: 'sub-03' },
        message: expect.stringMatching(/sub-03_FLAIR\.nii has another grid than sub-03_T1w\.nii.*3\.50 mm/),
      }),
    ]);
  });
});

describe('a channel that is missing', () => {
  it('is named for all who lack it before anything is trained', async () => {
    const root = await tree();
    await rm(join(root, image('sub-02', 'FLAIR')));
    await rm(join(root, image('sub-05', 'T1w')));
    const error = await openDataset({ root, site: 'all', selection: SELECTION }).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual([
      'NF_SELECT_CHANNEL_MISSING',
      '2 examples without all channels: sub-02 (no FLAIR), sub-05 (no T1w).',
    ]);
    const findings = await findingsOf(root, await readTables(root, SELECTION));
    expect(findings.filter((one) => one.code === 'NF_SELECT_CHANNEL_MISSING')).toHaveLength(2);
  });

  it('leaves its subject out where the selection says so, and is listed', async () => {
    const root = await tree();
    await rm(join(root, image('sub-02', 'FLAIR')));
    const data = await openDataset({ root, site: 'all', selection: DROP });
    expect(data.train.subjects.map(({ id }) => id)).not.toContain('sub-02');
    expect(data.notes).toContain('1 subject is left out: no FLAIR.');
    const findings = await findingsOf(root, await readSubjects(root, DROP));
    expect(findings.find((one) => one.code === 'NF_CHECK_INCOMPLETE')?.message).toBe(
      '1 left out, since they lack a channel: sub-02 (no FLAIR).',
    );
  });

  it('of everybody is refused', async () => {
    const root = await tree();
    const selection = selectionSchema.parse({ channels: ['T1w', 'T2w'], incomplete: 'drop' });
    await expect(openDataset({ root, site: 'all', selection })).rejects.toThrow(
      /^Nobody in .* has all channels: 8 examples without T2w\.$/,
    );
  });

  it('is in the record of the split, with the rule; trees for the sites keep the channels', async () => {
    const root = await tree();
    await rm(join(root, image('sub-02', 'FLAIR')));
    const out = await makeFolder();
    const select = { channel: ['T1w', 'FLAIR'], incomplete: 'drop' } as const;
    const result = await runSplit({
      ...splitOptions(out, { bidsRoot: root, select, strategy: 'iid', sites: 1 }),
      materialize: join(out, 'trees'),
    });
    expect(result.left_out).toEqual([{ participant: 'sub-02', reason: 'no FLAIR' }]);
    const split = await readSplit(result.split);
    expect(split.selection).toEqual(DROP);
    expect(split.selected).toMatchObject({ images: 14, left_out: { 'no FLAIR': 1 } });
    const [site] = split.sites;
    const data = await openDataset({ root: join(out, 'trees', site?.name ?? ''), site: site?.name ?? '' });
    expect(data.train.options.channels).toBe(2);
    const refused = {
      ...splitOptions(out, { bidsRoot: root, select: { channel: ['T1w', 'FLAIR'] } }),
      sites: 1,
    };
    await expect(runSplit(refused)).rejects.toThrow(code('NF_SELECT_CHANNEL_MISSING'));
  });
});

it('a model of several channels has as many inputs, and first values of their own fan-in', () => {
  const spec = { type: 'mri-cnn', image_size: 32, num_classes: 2, channels: 4 };
  const [four, one] = [initialParams(spec), initialParams({ ...spec, channels: 1 })];
  expect(four['conv1/kernel']?.shape).toEqual([3, 3, 4, 16]);
  expect(one['conv1/kernel']?.shape).toEqual([3, 3, 1, 16]);
  expect(four['conv2/kernel']).toEqual(one['conv2/kernel']);
  expect(initialParams({ type: 'mri-cnn', image_size: 32, num_classes: 2 })).toEqual(one);
});
