import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listParticipants } from '../../../src/preprocess/bids/participants.ts';
import { learningTaskOf } from '../../../src/runtime/base/selection/learning-task.ts';
import { judgeMaskControls } from '../../../src/runtime/evaluation/segmentation/mask-controls.ts';
import { openVolumeSet, volumeOptions } from '../../../src/runtime/learning/dataset/open-volumes.ts';
import { parseModelSpec } from '../../../src/runtime/learning/models/spec.ts';
import { type LesionSubject, type Shape, writeLesionTree } from '../../support/lesion-tree.ts';
import { makeFolder } from '../preprocess/image/made-pictures.ts';

const SHAPE: Shape = [24, 24, 24];

async function judged(train: readonly Shape[], tested: readonly (Shape | undefined)[]) {
  const subjectOf = (part: string) => (at: Shape | undefined, nth: number) =>
    ({
      id: `sub-${part}${nth}`,
      partition: part,
      ...(at && { lesion: { at, radius: 3 } }),
    }) satisfies LesionSubject;
  const subjects = [...train.map(subjectOf('train')), ...tested.map(subjectOf('test'))];
  const root = await writeLesionTree(join(await makeFolder(), 'bids'), subjects, { shape: SHAPE });
  const spec = parseModelSpec({ type: 'unet', patch_size: 8, levels: 2 });
  const task = learningTaskOf({ task: 'segmentation' });
  if (spec.type !== 'unet' || task.kind !== 'segmentation') throw new Error('not reached');
  const place = { root, selection: {}, masks: task.masks };
  const { rows } = await listParticipants(root);
  const open = (part: string) =>
    openVolumeSet(
      place,
      rows.filter(({ id }) => id.startsWith(`sub-${part}`)),
      volumeOptions({}, { spec, ...place }),
    );
  return judgeMaskControls({ train: await open('train'), tested: await open('test') });
}

describe('what labels voxels without a network', () => {
  it('brightness finds lesions that are brighter than all else, wherever they lie', async () => {
    const found = await judged(
      [
        [8, 8, 8],
        [15, 12, 10],
      ],
      [[12, 15, 15], undefined],
    );
    if (!('scores' in found)) throw new Error(found.reason);
    const { empty, place, brightness } = found.scores;
    expect(empty).toEqual([0, null]);
    expect(brightness[0]).toBeGreaterThan(0.95);
    expect(place[0]).toBeLessThan(0.3);
    expect([place[1], brightness[1]]).toEqual([null, null]);
  });

  it('place finds lesions that lie where they lay in training', async () => {
    const at: Shape = [9, 14, 11];
    const found = await judged([at, at, at], [at]);
    expect(found).toMatchObject({ scores: { empty: [0] } });
    if (!('scores' in found)) throw new Error(found.reason);
    expect(found.scores.place[0]).toBeGreaterThan(0.9);
  });

  it('has nothing to learn from without a training part', async () => {
    expect(await judged([], [[9, 9, 9]])).toMatchObject({ reason: expect.stringContaining('--split') });
  });
});
