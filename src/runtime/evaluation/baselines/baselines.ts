import { join } from 'node:path';
import { readSplit, type SplitManifest } from '../../../preprocess/split/manifest.ts';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { readRunCard } from '../../run/run-card.ts';
import { runFolder } from '../../run/run-folder.ts';
import { type Judging, judgeRun } from '../judge-run.ts';
import {
  comparePaired,
  joinPredictions,
  type Predictions,
  pickPredictions,
  readPredictions,
} from '../paired.ts';
import { EVALUATION_FOLDER, type Evaluation, headlineFigure } from '../result.ts';
import { type BaselineRequest, type BaselineRun, planBaselines, runBaseline } from './baseline-runs.ts';
import {
  BASELINE_MEANING,
  BASELINES_FILE,
  type Baseline,
  type Baselines,
  baselinesSchema,
} from './result.ts';

export interface BaselineOptions {
  readonly baselines: readonly Baseline[];
  /** The federated run, finished. */
  readonly folder: string;
  readonly simulate: BaselineRequest['simulate'];
  readonly judging: Judging;
  readonly progress: Progress;
}

/**
 * Trains what a federated model must be held against, with the same script, rounds and arguments, tests all on the same subjects, and
 * compares them pairwise within draws of groups. Writes `baselines.json` into the federated run.
 * @throws NF_BASELINES_SPLIT, NF_RUN_*, NF_EVALUATE_*
 */
export async function runBaselines(options: BaselineOptions): Promise<Baselines> {
  const { folder, baselines, progress } = options;
  const run = runFolder(folder);
  const card = await readRunCard(run);
  const split = await requireSplit(card.data?.split ?? null);
  const runs = planBaselines(baselines, card.sites);
  const total = runs.length + 1;
  const judgeOn = {
    split: card.data?.split ?? '',
    judging: options.judging,
    signal: options.simulate.signal,
  };
  const federated = await judgeRun({ ...judgeOn, folder, controls: true, cases: 12 });
  progress({ what: 'models trained and judged', done: 1, total });
  const judged = new Map<BaselineRun, { folder: string; predictions: Predictions }>();
  for (const [at, planned] of runs.entries()) {
    const own = await runBaseline(planned, { folder: run, card, split, simulate: options.simulate });
    await judgeRun({ ...judgeOn, folder: own, controls: false, cases: 0 });
    judged.set(planned, { folder: own, predictions: await readPredictions(join(own, EVALUATION_FOLDER)) });
    progress({ what: 'models trained and judged', done: at + 2, total });
  }
  const result = summarize({
    options,
    federated,
    judged,
    predictions: await readPredictions(join(folder, EVALUATION_FOLDER)),
  });
  await writeFileAtomic(join(folder, BASELINES_FILE), prettyJson(result));
  return result;
}

/** The split that baselines are trained and judged on. @throws NF_BASELINES_SPLIT */
export async function requireSplit(path: string | null): Promise<SplitManifest> {
  if (path === null) throw flError('NF_BASELINES_SPLIT', { reason: 'the run has none' });
  const split = await readSplit(path);
  if (split.sites.every(({ test }) => test.length === 0)) {
    throw flError('NF_BASELINES_SPLIT', { reason: `${path} has no test part` });
  }
  return split;
}

function summarize(what: {
  options: BaselineOptions;
  federated: Evaluation;
  judged: ReadonlyMap<BaselineRun, { folder: string; predictions: Predictions }>;
  predictions: Predictions;
}): Baselines {
  const { options, federated, judged, predictions } = what;
  const byKind = Map.groupBy(judged.keys(), ({ baseline }) => baseline);
  const baselines = [...byKind].map(([baseline, runs]) => {
    const other = assemble(runs.map((run) => ({ run, own: judged.get(run)?.predictions })));
    const sites = [...new Set(predictions.sites)].map((site) => {
      const rows = [...predictions.sites.keys()].filter((row) => predictions.sites[row] === site);
      return [site, comparePaired(pickPredictions(predictions, rows), other)] as const;
    });
    return {
      baseline,
      meaning: BASELINE_MEANING[baseline],
      run_folders: Object.fromEntries(runs.map((run) => [run.site, judged.get(run)?.folder ?? ''])),
      comparison: comparePaired(predictions, other),
      sites: Object.fromEntries(sites),
    };
  });
  const { metric, figure } = headlineFigure(federated);
  return baselinesSchema.parse({
    version: 1,
    kind: 'neuroflare-baselines',
    budget: 'the same script, rounds and arguments for every model: each training image is seen as often',
    metric,
    federated: { run_folder: options.folder, figure },
    baselines,
  });
}

/** One prediction a subject: that of the run which speaks for the subject's site. */
function assemble(runs: readonly { run: BaselineRun; own: Predictions | undefined }[]): Predictions {
  const parts = runs.flatMap(({ run, own }) => {
    if (!own) return [];
    const rows = [...own.sites.keys()].filter((row) => run.pooled || own.sites[row] === run.site);
    return [pickPredictions(own, rows)];
  });
  return joinPredictions(parts);
}
