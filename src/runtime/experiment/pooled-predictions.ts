import { join } from 'node:path';
import { type Judged, joinJudged } from '../evaluation/judged-people.ts';
import { readJudged } from '../evaluation/paired.ts';
import { EVALUATION_FOLDER } from '../evaluation/result.ts';
import type { CellResult } from './result.ts';

/** Undefined where there are no runs. */
export async function pooledPredictions(
  cells: readonly Pick<CellResult, 'run_folder' | 'seed'>[],
): Promise<Judged | undefined> {
  const parts: Judged[] = [];
  for (const { run_folder: folder, seed } of cells) {
    if (folder === null) continue;
    const judged = await readJudged(join(folder, EVALUATION_FOLDER));
    // One person may be tested under several seeds.
    parts.push({ ...judged, ids: judged.ids.map((id) => `${seed}/${id}`) });
  }
  return parts.length === 0 ? undefined : joinJudged(parts);
}
