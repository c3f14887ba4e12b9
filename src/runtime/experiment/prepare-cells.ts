import { dirname, join, resolve } from 'node:path';
import { runSplit } from '../../preprocess/split/run-split.ts';
import { canonicalJson, sha256 } from '../base/digest.ts';
import { flError, toNeuroflareError } from '../base/errors/errors.ts';
import { makeFolder } from '../base/files/files.ts';
import { encodeSafetensors } from '../base/tensors/safetensors.ts';
import { type PreparedJob, prepareJob } from '../federation/prepare-job.ts';
import { PATH_KEYS } from '../job/definition.ts';
import type { EngineChoice } from '../job/engine-choice.ts';
import { loadJob } from '../job/load.ts';
import type { RunFlags } from '../job/plan.ts';
import { type Override, resolveVariable } from '../job/variables.ts';
import type { Cell } from './cells.ts';
import type { LoadedExperiment } from './definition.ts';

/** A run with everything that decides what it comes to, checked. */
export interface PreparedCell {
  readonly cell: Cell;
  readonly flags: RunFlags;
  readonly overrides: readonly Override[];
  readonly digest: string;
  readonly sites: number;
  readonly rounds: number;
  /** Of one model as a file. */
  readonly modelBytes: number;
  /** Whether its split has test images to judge it on. */
  readonly isJudged: boolean;
}

export interface Preparing {
  readonly experiment: LoadedExperiment;
  /** Of the experiment: its splits go there. */
  readonly folder: string;
  readonly engine: EngineChoice;
}

/**
 * Deals the images and checks every job, before the first run starts.
 * @throws NF_EXPERIMENT_JOB naming the run and its fault, NF_EXPERIMENT_DATA, NF_SPLIT_*
 */
export async function prepareCells(cells: readonly Cell[], preparing: Preparing): Promise<PreparedCell[]> {
  const { experiment } = preparing;
  const { source } = await loadJob(experiment.job);
  const from = dirname(resolve(experiment.source.path));
  const prepared: PreparedCell[] = [];
  for (const cell of cells) {
    // Paths of the file start at its folder, as those of a job at the job's.
    const overrides = cell.overrides.map(({ name, value }): Override => {
      const isPath = typeof value === 'string' && PATH_KEYS.has(resolveVariable(source.value, name));
      return { name, value: isPath ? resolve(from, value) : value };
    });
    prepared.push(await prepareCell(cell, overrides, preparing));
  }
  return prepared;
}

async function prepareCell(
  cell: Cell,
  own: readonly Override[],
  { experiment, folder, engine }: Preparing,
): Promise<PreparedCell> {
  const named = [...own, { name: 'name', value: cell.job }];
  try {
    const split = cell.rule && (await dealt(cell, named, { experiment, folder }));
    const overrides = split === undefined ? named : [...named, { name: 'data.split', value: split.path }];
    const flags = { seed: cell.seed, ...(split && { clients: split.sites }) };
    const job = await prepareJob(experiment.job, { flags, overrides });
    return { cell, flags, overrides, ...described(job, engine) };
  } catch (error) {
    const fault = toNeuroflareError(error);
    if (!fault.code.startsWith('NF_JOB')) throw error;
    throw flError(
      'NF_EXPERIMENT_JOB',
      { run: cell.job, fault: fault.message },
      { place: fault.place, cause: error },
    );
  }
}

function described({ plan, bundle, split, params, loaded }: PreparedJob, engine: EngineChoice) {
  const { name: _, ...job } = loaded.value;
  const { seed } = plan.job;
  const decides = { job, seed, sites: plan.sites, code: bundle.codeSha256, split: split?.sha256, engine };
  return {
    digest: sha256(canonicalJson(decides)),
    sites: plan.sites.length,
    rounds: plan.job.workflow.numRounds,
    modelBytes: encodeSafetensors(params).length,
    isJudged: split?.sites.some(({ test }) => test.length > 0) ?? false,
  };
}

/** The split of a partition and a seed; it is made once. */
async function dealt(
  { partition, rule, seed, turn }: Cell,
  overrides: readonly Override[],
  { experiment, folder }: Pick<Preparing, 'experiment' | 'folder'>,
): Promise<{ path: string; sites: number }> {
  const { validation, test, folds } = experiment.definition;
  const { definition } = await loadJob(experiment.job, overrides);
  const root = definition.data?.root;
  if (root === undefined || rule === undefined)
    throw flError('NF_EXPERIMENT_DATA', {}, { place: experiment.source.place(['partitions']) });
  const splits = join(folder, 'splits');
  await makeFolder(splits);
  const path = join(splits, `${partition}.seed-${seed}.json`);
  // The same images, rule and seed give the same split, so it may be written again.
  const made = await runSplit({
    bidsRoot: root,
    selection: definition.data?.selection,
    strategy: rule.strategy,
    sites: rule.sites ?? (rule.strategy === 'column' ? undefined : 3),
    siteColumn: rule.site_column ?? 'site',
    alpha: String(rule.alpha ?? 0.5),
    validation: String(validation),
    test: String(test),
    fold: folds === undefined ? undefined : `${turn}/${folds}`,
    seed,
    out: path,
    existing: undefined,
    materialize: undefined,
  });
  return { path: resolve(made.split), sites: made.sites.length };
}
