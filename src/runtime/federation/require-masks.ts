import { listExamples } from '../../preprocess/bids/layout.ts';
import { isUsed } from '../../preprocess/bids/participants.ts';
import { findMasks } from '../../preprocess/select/example-masks.ts';
import type { Subjects } from '../../preprocess/select/read-subjects.ts';
import { PARTITIONS, type SplitManifest } from '../../preprocess/split/manifest.ts';
import type { LearningTask } from '../base/selection/learning-task.ts';
import { mapPool } from '../base/threads/map-pool.ts';

const READERS = 8;

/** Whether all who have a part in a segmentation have a mask, by the names of files. @throws NF_MASK_MISSING, NF_MASK_SEVERAL */
export async function requireMasks(
  root: string,
  { task, split, subjects }: { task: LearningTask; split: SplitManifest | undefined; subjects: Subjects },
): Promise<void> {
  if (task.kind !== 'segmentation') return;
  const ids = split
    ? split.sites.flatMap((site) => PARTITIONS.flatMap((part) => site[part]))
    : subjects.rows.filter(isUsed).map(({ id }) => id);
  await mapPool(ids, { jobs: READERS }, async (id) => {
    const { examples } = await listExamples(root, id, subjects.selection);
    await findMasks({ root, id }, examples, task.masks);
  });
}
