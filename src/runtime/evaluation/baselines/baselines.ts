import { basename, dirname, join } from 'node:path';
import { readSplit, type SplitManifest } from '../../../preprocess/split/manifest.ts';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { readRunCard } from '../../run/run-card.ts';
import { runFolder } from '../../run/run-folder.ts';
import { describeRunIn } from '../../run/stored-runs.ts';
import type { Work } from '../../run/work-done.ts';
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
  readBaselines,
  sumWork,
} from './result.ts';

export interface BaselineOptions {
  readonly baselines: readonly Baseline[];
  /** The federated run, finished. */
  readonly folder: string;
  readonly simulate: BaselineRequest['simulate'];
  readonly judging: Judging;
  readonly progress: Progress;
  /** Folder of another run on the same split whose baselines, trained with its recipe, stand beside this one. Default: this run's recipe trains them. */
  readonly recipe?: string | undefined;
  /** Whether decisions of the federated model are explained, on its worst cases and masked pictures. Default: true. */
  readonly explained?: boolean;
}

const CASES = 12;

/** One model that was trained and judged. */
interface Trained {
  readonly folder: string;
  readonly predictions: Predictions;
  readonly work: Work;
}

/**
 * Trains what a federated model must be held against, with the same script, rounds and arguments or with those of another run, tests all on the
 * same subjects, and compares them pairwise within draws of groups. Writes `baselines.json` into the federated run.
 * @throws NF_BASELINES_SPLIT, NF_RUN_*, NF_EVALUATE_*, NF_PATH_MISSING for baselines that the other run does not have
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
  const { explained = true } = options;
  const how = { controls: true, cases: explained ? CASES : 0, masked: explained };
  const federated = await judgeRun({ ...judgeOn, folder, ...how });
  progress({ what: 'models trained and judged', done: 1, total });
  const judged = new Map<BaselineRun, Trained>();
  const theirs = options.recipe === undefined ? undefined : await trainedBy(options.recipe);
  const train = async (planned: BaselineRun) => {
    const own = await runBaseline(planned, { folder: run, card, split, simulate: options.simulate });
    await judgeRun({ ...judgeOn, folder: own, controls: false, cases: 0, masked: false });
    return own;
  };
  for (const [at, planned] of runs.entries()) {
    const own = theirs ? theirs(planned) : await train(planned);
    const { work } = await describeRunIn(runFolder(own));
    const predictions = await readPredictions(join(own, EVALUATION_FOLDER));
    judged.set(planned, { folder: own, predictions, work });
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

/** The folders of the baselines of another run. */
async function trainedBy(recipe: string): Promise<(planned: BaselineRun) => string> {
  const path = join(recipe, BASELINES_FILE);
  const known = await readBaselines(path);
  return ({ baseline, site }) => {
    const found = known?.baselines.find((one) => one.baseline === baseline)?.run_folders[site];
    if (found !== undefined) return found;
    throw flError(
      'NF_PATH_MISSING',
      { what: `Baseline ${baseline} of ${site}`, path },
      { place: { file: path } },
    );
  };
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
  judged: ReadonlyMap<BaselineRun, Trained>;
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
      work: sumWork(runs.flatMap((run) => judged.get(run)?.work ?? [])),
      comparison: comparePaired(predictions, other),
      sites: Object.fromEntries(sites),
    };
  });
  const { metric, figure } = headlineFigure(federated);
  return baselinesSchema.parse({
    version: 1,
    kind: 'neuroflare-baselines',
    budget: budgetOf(options.recipe),
    recipe: options.recipe ?? null,
    metric,
    federated: { run_folder: options.folder, figure },
    baselines,
  });
}

function budgetOf(recipe: string | undefined): string {
  if (recipe === undefined)
    return 'the same script, rounds and arguments for every model: each training image is seen as often';
  return `baselines have the script, rounds and arguments of the run ${basename(dirname(recipe))}`;
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
