import { readSplit } from '../../preprocess/split/manifest.ts';
import type { Selection } from '../base/selection/selection.ts';
import type { RunCard } from '../run/run-card.ts';

/** Which images a run was trained on, as its job says, else its split; undefined where neither does, or the split is gone. */
export async function selectionOfRun({ job, data }: RunCard): Promise<Selection | undefined> {
  if (job.data?.selection) return job.data.selection;
  const split = data?.split ? await readSplit(data.split).catch(() => undefined) : undefined;
  return split?.selection;
}
