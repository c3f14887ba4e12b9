import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { parseOverride } from '../../../src/runtime/job/variables.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function loaded(data: object, overrides: readonly string[] = []) {
  const folder = await writeJob(join(root, String(count++)), {
    patch: { data: { root: './bids', ...data } },
  });
  return loadJob(folder, overrides.map(parseOverride));
}

async function taskOf(data: object, overrides: readonly string[] = []) {
  return (await loaded(data, overrides)).definition.data?.task;
}

describe('what a job learns', () => {
  it('is the class of each subject where it says nothing', async () => {
    expect(await taskOf({})).toBeUndefined();
  });

  it('are the labels of lesion masks, unless it says which', async () => {
    expect(await taskOf({ task: 'segmentation' })).toEqual({
      kind: 'segmentation',
      masks: { suffix: 'mask', missing: 'refuse', labels: { lesion: [1] } },
    });
    const masks = {
      derivative: 'experts',
      suffix: 'dseg',
      desc: 'tumour',
      labels: { oedema: 2, core: [1, 3] },
    };
    expect(await taskOf({ task: 'segmentation', masks })).toEqual({
      kind: 'segmentation',
      masks: { ...masks, missing: 'refuse', labels: { oedema: [2], core: [1, 3] } },
    });
  });

  it('may be said on the command line', async () => {
    const flags = ['data.task=segmentation', 'data.masks.labels={lesion: [1, 2, 4]}'];
    expect(await taskOf({}, flags)).toMatchObject({
      kind: 'segmentation',
      masks: { labels: { lesion: [1, 2, 4] } },
    });
  });

  it.each<[object, RegExp]>([
    [{ task: 'segmentaton' }, /task/],
    [{ masks: {} }, /masks' has no meaning for a classification/],
    [{ task: 'regression' }, /task/],
    [{ task: 'segmentation', masks: { labels: {} } }, /names no label/],
    [{ task: 'segmentation', masks: { labels: { a: 1, b: [2, 1] } } }, /gives 1 to two labels/],
    [{ task: 'segmentation', masks: { labels: { a: 0 } } }, /labels/],
    [{ task: 'segmentation', masks: { derivative: '../other' } }, /derivative/],
    [{ task: 'segmentation', masks: { colour: 'red' } }, /colour/],
  ])('is refused as %j', async (data, message) => {
    await expect(loaded(data)).rejects.toThrow(
      expect.objectContaining({ code: 'NF_JOB_INVALID', message: expect.stringMatching(message) }),
    );
  });
});
