import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prettyJson } from '../base/digest.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { makeFolder, writeFileAtomic } from '../base/files/files.ts';
import { lockFolder } from '../base/files/lock.ts';
import type { Progress } from '../base/logging/progress.ts';
import { simulate } from '../deployment/simulator/simulate.ts';
import { runBaselines } from '../evaluation/baselines/baselines.ts';
import { BASELINES_FILE, type Baselines, readBaselines } from '../evaluation/baselines/result.ts';
import { evaluateModel } from '../evaluation/evaluate.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, type Evaluation, readEvaluation } from '../evaluation/result.ts';
import { findRun } from '../run/run-index.ts';
import type { RunSummary } from '../run/run-report.ts';
import { describeRunIn } from '../run/stored-runs.ts';
import type { EngineSetup } from '../site/executor/messages.ts';
import { type Cell, cellsOf } from './cells.ts';
import { readExperiment } from './definition.ts';
import { experimentFolder } from './experiment-folder.ts';
import { type PreparedCell, prepareCells } from './prepare-cells.ts';
import { type CellResult, EXPERIMENT_FILE, type ExperimentFile, readExperimentFile } from './result.ts';

export interface ExperimentRequest {
  /** Path of its file. */
  readonly experiment: string;
  readonly workspace: string;
  readonly engine: EngineSetup;
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
const REPLICATES = 2000;
const SLICES = 9;

/**
 * Runs what is not yet there of an experiment: each run is a simulation that goes on where it was stopped, then judged on its test
 * images. A run that fails does not end the others.
 * @throws NF_EXPERIMENT*, and what makes no job, before any run starts
 */
export async function runExperiment(request: ExperimentRequest): Promise<ExperimentFile> {
  const experiment = await readExperiment(request.experiment);
  const { name, baselines } = experiment.definition;
  const folder = experimentFolder(request.workspace, name);
  await makeFolder(folder);
  const release = await lockFolder(join(folder, 'experiment.lock'), `The experiment ${name}`);
  try {
    const path = join(folder, EXPERIMENT_FILE);
    const before = await readExperimentFile(path);
    const preparing = { experiment, folder, engine: request.engine.choice };
    const prepared = await prepareCells(cellsOf(experiment), preparing);
    const results = new Map<string, CellResult>();
    for (const one of prepared) {
      const known = before?.cells.find((cell) => cell.job === one.cell.job && cell.digest === one.digest);
      if (known) results.set(one.cell.job, known);
    }
    const file = (): ExperimentFile => ({
      version: 1,
      kind: 'neuroflare-experiment',
      name,
      cells: prepared.flatMap(({ cell }) => results.get(cell.job) ?? []),
    });
    for (const [index, one] of prepared.entries()) {
      request.progress({ what: 'runs', done: index, total: prepared.length });
      if (isWhole(results.get(one.cell.job), baselines)) continue;
      request.onNote(`run ${index + 1} of ${prepared.length}: ${one.cell.job}`);
      const result = await runCell(one, { ...request, job: experiment.job, baselines });
      if (result.failure)
        request.onNote(`${one.cell.job} failed: ${result.failure.code}: ${result.failure.message}`);
      results.set(one.cell.job, result);
      await writeFileAtomic(path, prettyJson(file()));
    }
    request.progress({ what: 'runs', done: prepared.length, total: prepared.length });
    await writeFileAtomic(path, prettyJson(file()));
    return file();
  } finally {
    await release();
  }
}

/** Baselines may be asked for later than the run was made. */
function isWhole(known: CellResult | undefined, baselines: readonly string[]): boolean {
  return known !== undefined && !known.failure && baselines.every((name) => name in known.baselines);
}

type CellRequest = ExperimentRequest & { readonly job: string; readonly baselines: ExperimentBaselines };
type ExperimentBaselines = Awaited<ReturnType<typeof readExperiment>>['definition']['baselines'];

async function runCell(prepared: PreparedCell, request: CellRequest): Promise<CellResult> {
  const { cell, digest, sites, rounds } = prepared;
  try {
    const summary = await simulated(prepared, request);
    const judged = prepared.isJudged ? await judge(summary, request) : undefined;
    return { ...resultOf(prepared, summary), ...judged };
  } catch (error) {
    // Stopped by a person: nothing failed, and the run goes on another time.
    if (request.signal.aborted) throw error;
    const { code, message }: NeuroflareError = toNeuroflareError(error);
    return { ...head(cell), digest, sites, rounds, ...NOTHING, failure: { code, message } };
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
    const summary = code === 'NF_RUN_FINISHED' ? await describeRunIn(found.folder) : undefined;
    if (summary?.rounds === rounds) return summary;
    if (summary || ANOTHER.has(code)) return simulate(options);
    throw error;
  }
}

/** Beside the model, unless that is there already; the baselines, where they are asked for. */
async function judge(
  { run_folder: folder }: RunSummary,
  request: CellRequest,
): Promise<Pick<CellResult, 'balanced_accuracy' | 'worst_site' | 'lead_over_control' | 'baselines'>> {
  const { choice, gpu } = request.engine;
  const how = {
    engine: { choice, gpu, threads: request.threads },
    jobs: request.threads,
    seed: 0,
    replicates: REPLICATES,
    slices: SLICES,
    mirror: true,
  };
  const path = join(folder, EVALUATION_FOLDER, EVALUATION_FILE);
  if (!existsSync(path)) {
    await evaluateModel({
      ...how,
      target: folder,
      workspace: '',
      which: 'best',
      job: undefined,
      data: undefined,
      split: undefined,
      part: 'test',
      out: undefined,
      controls: true,
      cases: 0,
      signal: request.signal,
    });
  }
  const compared = await withBaselines(folder, how, request);
  return figuresOf(await readEvaluation(path), compared);
}

async function withBaselines(
  folder: string,
  evaluate: Parameters<typeof runBaselines>[0]['evaluate'],
  request: CellRequest,
): Promise<Baselines | undefined> {
  const { baselines, threads, engine, signal, maxClients } = request;
  const known = await readBaselines(join(folder, BASELINES_FILE));
  const isThere = baselines.every((name) => known?.baselines.some(({ baseline }) => baseline === name));
  if (isThere) return known;
  const simulateWith = { threads, engine, signal, maxClients };
  return runBaselines({ baselines, folder, simulate: simulateWith, evaluate, progress: () => undefined });
}

function figuresOf({ figures, per_site: sites, headline }: Evaluation, compared: Baselines | undefined) {
  const accuracies = sites.flatMap(({ accuracy }) => accuracy.value ?? []);
  return {
    balanced_accuracy: figures.balanced_accuracy ?? null,
    worst_site: accuracies.length === 0 ? null : Math.min(...accuracies),
    lead_over_control: headline.strongest_control?.lead ?? null,
    baselines: Object.fromEntries(
      compared?.baselines.map(({ baseline, comparison }) => [baseline, comparison.other.value]) ?? [],
    ),
  };
}

const NOTHING = {
  run_folder: null,
  failure: null,
  metric: '',
  curve: [],
  best: null,
  seconds: 0,
  bytes: 0,
  balanced_accuracy: null,
  worst_site: null,
  lead_over_control: null,
  baselines: {},
};

function head({ job, partition, variant, values, seed }: Cell) {
  return { job, partition, variant, values: { ...values }, seed };
}

function resultOf({ cell, digest, sites, modelBytes }: PreparedCell, summary: RunSummary): CellResult {
  if (summary.status !== 'finished')
    throw flError('NF_EXPERIMENT_RUN', { run: cell.job, status: summary.status });
  return {
    ...NOTHING,
    ...head(cell),
    digest,
    sites,
    run_folder: summary.run_folder,
    rounds: summary.rounds,
    metric: summary.metric,
    curve: summary.models.map(({ pooled }) => pooled),
    best: summary.best?.value ?? null,
    seconds: summary.models.reduce((sum, { seconds }) => sum + seconds, 0),
    // A model to each site and one back a round, and the last one out for its scores.
    bytes: modelBytes * sites * (2 * summary.rounds + 1),
  };
}
