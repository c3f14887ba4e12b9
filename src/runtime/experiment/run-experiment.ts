import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prettyJson } from '../base/digest.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { writeFileAtomic } from '../base/files/files.ts';
import { lockFolder } from '../base/files/lock.ts';
import { noProgress, type Progress } from '../base/logging/progress.ts';
import { sum } from '../base/sum.ts';
import { mapPool } from '../base/threads/map-pool.ts';
import { simulate } from '../deployment/simulator/simulate.ts';
import { runBaselines } from '../evaluation/baselines/baselines.ts';
import { BASELINES_FILE, type Baselines, readBaselines } from '../evaluation/baselines/result.ts';
import { type Judging, judgeRun, usualJudging } from '../evaluation/judge-run.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, readClassEvaluation } from '../evaluation/result.ts';
import { readRunCard } from '../run/run-card.ts';
import { findRun } from '../run/run-index.ts';
import type { RunSummary } from '../run/run-report.ts';
import { describeRunIn } from '../run/stored-runs.ts';
import type { EngineSetup } from '../site/executor/messages.ts';
import type { Cell } from './cells.ts';
import type { Experiment } from './definition.ts';
import { type JudgedCell, judgedCell, NOT_JUDGED } from './judged-cell.ts';
import { shareMemory } from './memory-share.ts';
import type { OpenExperiment } from './open-experiment.ts';
import { bytesOf } from './plan.ts';
import type { PreparedCell } from './prepare-cells.ts';
import { type CellResult, EXPERIMENT_FILE, type ExperimentFile } from './result.ts';

export interface ExperimentRequest {
  readonly workspace: string;
  readonly engine: EngineSetup;
  /** Runs at the same time. What they come to does not depend on it. */
  readonly jobs: number;
  /** Sites of a run that train at the same time, and threads that judge it. */
  readonly threads: number;
  readonly maxClients: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** A sentence for people about what happens now. */
  readonly onNote: (text: string) => void;
}

/** What a run under a name may be beside the one that is wanted: of another job, or stopped before it began. */
const ANOTHER: ReadonlySet<string> = new Set(['NF_RUN_CHANGED', 'NF_RUN_FILE']);

/**
 * Runs what is not yet there of an experiment: each run is a simulation that goes on where it was stopped, then judged on its test
 * images. A run that fails does not end the others. What it came to is kept after each run.
 */
export async function runExperiment(
  { experiment, folder, prepared, known }: OpenExperiment,
  request: ExperimentRequest,
): Promise<void> {
  const { name, baselines } = experiment.definition;
  const { progress, onNote, jobs, signal } = request;
  const release = await lockFolder(join(folder, 'experiment.lock'), `The experiment ${name}`);
  try {
    const results = new Map(known);
    let kept = Promise.resolve();
    /** One after another: runs may end at the same time. */
    const keep = () => {
      const cells = prepared.flatMap(({ cell }) => results.get(cell.job) ?? []);
      const file: ExperimentFile = { version: 1, kind: 'neuroflare-experiment', name, cells };
      kept = kept.then(() => writeFileAtomic(join(folder, EXPERIMENT_FILE), prettyJson(file)));
      return kept;
    };
    await keep();
    const left = prepared.filter(({ cell }) => !isDone(cell, results, baselines));
    let over = prepared.length - left.length;
    const told = () => progress({ what: 'runs', done: over, total: prepared.length });
    told();
    const memory = shareMemory();
    // Those whose baselines stand beside others begin first, and wait for none, so who waits for one waits for a run under way.
    const begun = new Map<string, Promise<CellResult>>();
    const resultOfRun = async (job: string) => (await begun.get(job)) ?? results.get(job);
    const shared = { job: experiment.job, baselines, knownControls: new Map(), resultOfRun };
    await mapPool(left, { jobs, signal }, async (one) => {
      const { job } = one.cell;
      onNote(`run ${prepared.indexOf(one) + 1} of ${prepared.length}: ${job}`);
      const end = memory.begin();
      const running = runCell(one, { ...request, ...shared });
      begun.set(job, running);
      const result = await running.finally(end);
      if (result.failure) onNote(`${job} failed: ${result.failure.code}: ${result.failure.message}`);
      results.set(job, { ...result, memory: end() });
      over++;
      told();
      await keep();
    });
  } finally {
    await release();
  }
}

/** Whose baselines are those of another run is done when that is, and has them from there. */
function isDone(
  { job, baselinesOf }: Cell,
  results: ReadonlyMap<string, CellResult>,
  baselines: readonly string[],
): boolean {
  const known = results.get(job);
  const isAlone = baselines.length === 0 || job === baselinesOf;
  if (isAlone) return isWhole(known, baselines) && (baselines.length === 0 || !known?.baseline_recipe);
  const other = results.get(baselinesOf);
  return (
    isWhole(known, baselines) && isWhole(other, baselines) && known?.baseline_recipe === other?.run_folder
  );
}

/** Baselines may be asked for later than the run was made. */
function isWhole(known: CellResult | undefined, baselines: readonly string[]): boolean {
  return known !== undefined && !known.failure && baselines.every((name) => name in known.baselines);
}

interface CellRequest extends ExperimentRequest {
  readonly job: string;
  readonly baselines: Experiment['baselines'];
  /** What another run came to, once it is over. */
  readonly resultOfRun: (job: string) => Promise<CellResult | undefined>;
  /** Of this call: the data are as they were. */
  readonly knownControls: NonNullable<Judging['knownControls']>;
}

async function runCell(prepared: PreparedCell, request: CellRequest): Promise<CellResult> {
  const { cell, digest, sites, rounds, unlike } = prepared;
  try {
    const summary = await simulated(prepared, request);
    const judged = prepared.isJudged ? await judge(summary, cell, request) : undefined;
    return { ...resultOf(prepared, summary), ...judged };
  } catch (error) {
    // Stopped by a person: nothing failed, and the run goes on another time.
    if (request.signal.aborted) throw error;
    const { code, message }: NeuroflareError = toNeuroflareError(error);
    return { ...head(cell), digest, sites, rounds, ...NOTHING, unlike, failure: { code, message } };
  }
}

/** A run of the same job that was stopped goes on; one of another job under this name stays, and a new one begins beside it. */
async function simulated(prepared: PreparedCell, request: CellRequest): Promise<RunSummary> {
  const { flags, overrides, cell, rounds } = prepared;
  const options = {
    job: request.job,
    workspace: request.workspace,
    flags,
    overrides,
    engine: request.engine,
    maxClients: request.maxClients,
    threads: request.threads,
    signal: request.signal,
    onLog: () => undefined,
    observe: () => undefined,
  };
  const found = await findRun(request.workspace, cell.job).catch(() => undefined);
  if (!found) return simulate(options);
  try {
    return await simulate({ ...options, resume: found.id });
  } catch (error) {
    const { code } = toNeuroflareError(error);
    if (code === 'NF_RUN_FINISHED') {
      // Fewer where training ended early; of a longer job the rounds are others from the first on.
      const { job } = await readRunCard(found.folder);
      return job.workflow.num_rounds === rounds ? describeRunIn(found.folder) : simulate(options);
    }
    if (ANOTHER.has(code)) return simulate(options);
    throw error;
  }
}

/** The baselines, where they are asked for, which judge the run, too; else the run alone, unless that was done. */
async function judge(
  { run_folder: folder }: RunSummary,
  cell: Cell,
  request: CellRequest,
): Promise<JudgedCell> {
  const { engine, threads, signal } = request;
  const judging = { ...usualJudging(engine, threads), knownControls: request.knownControls };
  const recipe = await recipeOf(cell, request);
  const compared = await comparedWith({ folder, recipe }, judging, request);
  const path = join(folder, EVALUATION_FOLDER, EVALUATION_FILE);
  // `evaluate` explains a run that somebody asks about.
  if (!existsSync(path)) await judgeRun({ folder, judging, signal, controls: true, cases: 0, masked: false });
  return judgedCell(await readClassEvaluation(path), compared);
}

/** The folder of the other run whose recipe trains the baselines of this one. @throws NF_EXPERIMENT_BASELINES */
async function recipeOf(
  { job, baselinesOf }: Cell,
  { baselines, resultOfRun }: CellRequest,
): Promise<string | undefined> {
  if (baselines.length === 0 || job === baselinesOf) return undefined;
  const other = await resultOfRun(baselinesOf);
  if (other?.run_folder && !other.failure) return other.run_folder;
  throw flError('NF_EXPERIMENT_BASELINES', { run: job, other: baselinesOf });
}

async function comparedWith(
  { folder, recipe }: { readonly folder: string; readonly recipe: string | undefined },
  judging: Judging,
  { baselines, threads, engine, signal, maxClients }: CellRequest,
): Promise<Baselines | undefined> {
  const known = await readBaselines(join(folder, BASELINES_FILE));
  const isThere = baselines.every((name) => known?.baselines.some(({ baseline }) => baseline === name));
  if (isThere && (baselines.length === 0 || known?.recipe === (recipe ?? null))) return known;
  const simulateWith = { threads, engine, signal, maxClients };
  const how = { recipe, judging, explained: false, progress: noProgress };
  return runBaselines({ baselines, folder, simulate: simulateWith, ...how });
}

const NOTHING = {
  run_folder: null,
  failure: null,
  metric: '',
  curve: [],
  round_seconds: [],
  best: null,
  memory: null,
  seconds: 0,
  bytes: 0,
  work: { images_seen: null, steps: null },
  ...NOT_JUDGED,
};

function head({ job, partition, variant, values, seed }: Cell) {
  return { job, partition, variant, values: { ...values }, seed };
}

function resultOf(prepared: PreparedCell, summary: RunSummary): CellResult {
  const { cell, digest, sites, unlike } = prepared;
  if (summary.status !== 'finished')
    throw flError('NF_EXPERIMENT_RUN', { run: cell.job, status: summary.status });
  return {
    ...NOTHING,
    ...head(cell),
    digest,
    sites,
    unlike,
    run_folder: summary.run_folder,
    rounds: summary.rounds,
    metric: summary.metric,
    curve: summary.models.map(({ pooled }) => pooled),
    best: summary.best?.value ?? null,
    work: summary.work,
    round_seconds: summary.models.map(({ seconds }) => seconds),
    seconds: sum(summary.models.map(({ seconds }) => seconds)),
    bytes: bytesOf({ ...prepared, rounds: summary.rounds }),
  };
}
