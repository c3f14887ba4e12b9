import { join } from 'node:path';
import { sum } from '../base/sum.ts';
import { BASELINES_FILE, readBaselines } from '../evaluation/baselines/result.ts';
import { recallFigures } from '../evaluation/figures.ts';
import type { Judged } from '../evaluation/judged-people.ts';
import { comparePaired } from '../evaluation/paired.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, readClassEvaluation } from '../evaluation/result.ts';
import type { EstimateFigure } from '../evaluation/result-parts.ts';
import { estimateOf, indexGroups } from '../statistics/figure.ts';
import { meanOf } from './mean.ts';
import { pooledPredictions } from './pooled-predictions.ts';
import type { CellResult, RowResult } from './result.ts';

/** What a study is held against, of runs that were judged. @param judged the test images of all @throws NF_PATH_MISSING, NF_EVALUATE_FILE */
export async function heldAgainst(
  own: readonly CellResult[],
  judged: Judged | undefined,
): Promise<RowResult['against']> {
  const sites = own.flatMap(({ judged_sites: judged }) => judged);
  const compared = sites.flatMap(({ kept, local }) =>
    kept === null || local === null ? [] : [{ kept, local }],
  );
  const tested = sites.filter(({ subjects }) => subjects > 0);
  const isWhole = tested.length > 0 && tested.every(({ kept }) => kept !== null);
  const right = sum(tested.map(({ kept, subjects }) => (kept ?? 0) * subjects));
  return {
    lead_over_control: meanEstimate(own.map((cell) => cell.lead_over_control)),
    lead_over_pooled: await leadOverPooled(own, judged),
    lowest_recall: await lowestRecall(own, judged),
    calibration_error: meanEstimate(own.map((cell) => cell.calibration_error)),
    kept: isWhole ? right / sum(tested.map(({ subjects }) => subjects)) : null,
    judged_sites: compared.length,
    worse_than_local: compared.filter(({ kept, local }) => local > kept).length,
  };
}

/** Over the models of all images together, on the test images of all runs; null where a run has none. */
async function leadOverPooled(
  own: readonly CellResult[],
  judged: Judged | undefined,
): Promise<EstimateFigure | null> {
  const others = await Promise.all(
    own.map(async ({ run_folder: folder, seed }) => {
      const known = folder === null ? undefined : await readBaselines(join(folder, BASELINES_FILE));
      const pooled = known?.baselines.find(({ baseline }) => baseline === 'centralized');
      return { run_folder: Object.values(pooled?.run_folders ?? {})[0] ?? null, seed };
    }),
  );
  if (others.some(({ run_folder: folder }) => folder === null)) return null;
  const theirs = await pooledPredictions(others);
  return judged && theirs ? comparePaired(judged, theirs).lead : null;
}

/** Each bound by itself; null where a run does not have it. */
function meanEstimate(all: readonly (EstimateFigure | null)[]): EstimateFigure {
  const of = (bound: keyof EstimateFigure) => meanOf(all.map((one) => one?.[bound] ?? null));
  return { value: of('value'), low: of('low'), high: of('high') };
}

/** The class whose recall has the lowest lower bound, over the test images of all runs. */
async function lowestRecall(own: readonly CellResult[], judged: Judged | undefined) {
  const folder = own.find(({ run_folder: at }) => at !== null)?.run_folder;
  if (!judged || typeof folder !== 'string') return null;
  const { classes } = await readClassEvaluation(join(folder, EVALUATION_FOLDER, EVALUATION_FILE));
  const recalls = recallFigures(judged, indexGroups(judged.groups)).flatMap((figure, label) =>
    figure ? [{ class: classes[label] ?? '', recall: estimateOf(figure) }] : [],
  );
  return recalls.sort((a, b) => (a.recall.low ?? 1) - (b.recall.low ?? 1))[0] ?? null;
}
