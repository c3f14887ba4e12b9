import { stat } from 'node:fs/promises';
import { readParamsFile } from '../base/tensors/read-params-file.ts';
import { openSet } from '../learning/dataset/open-dataset.ts';
import { personalPath } from '../run/run-folder.ts';
import { estimateOf, indexGroups, shareOf } from '../statistics/figure.ts';
import { rightRows } from '../statistics/scored-rows.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { EvaluationWork } from './evaluation-work.ts';
import { balancedFigure, leadOver } from './figures.ts';
import { type Judged, pickRows } from './judged-people.ts';
import { isModelFile } from './open-target.ts';

/**
 * The model that each site of a run ends with, on the site's own people, beside the global one. Null of a run whose sites have none, and of
 * a model that is judged by itself. The predictor has another model afterwards.
 */
export async function judgeOwnModels(
  { target, data, predictor, images, tested, options }: EvaluationWork,
  judged: Judged,
): Promise<ClassEvaluation['own_models']> {
  const folder = isModelFile(options.target) ? undefined : target.run?.folder;
  if (!folder) return null;
  const found: NonNullable<ClassEvaluation['own_models']> = [];
  for (const site of data.sites) {
    options.signal?.throwIfAborted();
    const path = folder.at(personalPath(site));
    const rows = [...judged.sites.keys()].filter((row) => judged.sites[row] === site);
    if (rows.length === 0 || !(await stat(path).catch(() => undefined))) continue;
    predictor.load(await readParamsFile(path));
    const own = tested.filter((row) => row.site === site);
    const probabilities = await predictor.predict(await openSet(data, own, images));
    const global = pickRows(judged, rows);
    const groups = indexGroups(global.groups);
    const mine: Judged = { ...global, probabilities };
    const [ofOwn, ofGlobal] = [mine, global].map((one) => shareOf(rightRows(one), groups));
    found.push({
      site,
      subjects: rows.length,
      accuracy: estimateOf(ofOwn ?? null),
      balanced_accuracy: estimateOf(balancedFigure(mine, groups)),
      global_accuracy: estimateOf(ofGlobal ?? null),
      lead: estimateOf(leadOver(ofOwn ?? null, ofGlobal ?? null)),
    });
  }
  return found.length > 0 ? found : null;
}
