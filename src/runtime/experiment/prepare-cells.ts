import { dirname, join, resolve } from 'node:path';
import { splitHeterogeneity } from '../../preprocess/split/heterogeneity.ts';
import type { SplitManifest } from '../../preprocess/split/manifest.ts';
import { runSplit, type SplitOptions } from '../../preprocess/split/run-split.ts';
import { USUAL } from '../../preprocess/split/strategy.ts';
import { canonicalJson, sha256 } from '../base/digest.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import { makeFolder } from '../base/files/files.ts';
import { updateSize } from '../base/tensors/packed/form.ts';
import { type PreparedJob, prepareJob } from '../federation/prepare-job.ts';
import { PATH_KEYS } from '../job/definition.ts';
import type { EngineChoice } from '../job/engine-choice.ts';
import { loadJob } from '../job/load.ts';
import type { RunFlags } from '../job/plan.ts';
import { type Override, resolveVariable } from '../job/variables.ts';
import type { Cell } from './cells.ts';
import type { LoadedExperiment } from './definition.ts';
import type { UnlikeSites } from './partitions.ts';

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
  /** Of one update, as it travels. */
  readonly updateBytes: number;
  /** Whether its split has test images to judge it on. */
  readonly isJudged: boolean;
  /** Whether it promises something to the people in its data. */
  readonly isPrivate: boolean;
  /** Null where the job has no split. */
  readonly unlike: UnlikeSites | null;
}

export interface Preparing {
  readonly experiment: LoadedExperiment;
  /** Of the experiment: its splits go there. */
  readonly folder: string;
  readonly engine: EngineChoice;
}

/**
 * Deals the images and checks every job, before the first run starts.
 * @throws NF_EXPERIMENT_JOB naming the run and its fault, NF_EXPERIMENT_PARTITION, NF_EXPERIMENT_DATA
 */
export async function prepareCells(cells: readonly Cell[], preparing: Preparing): Promise<PreparedCell[]> {
  const { experiment } = preparing;
  const { source } = await loadJob(experiment.job);
  const from = dirname(resolve(experiment.source.path));
  const splits: Splits = new Map();
  const prepared: PreparedCell[] = [];
  for (const cell of cells) {
    // Paths of the file start at its folder, as those of a job at the job's.
    const overrides = cell.overrides.map(({ name, value }): Override => {
      const isPath = typeof value === 'string' && PATH_KEYS.has(resolveVariable(source.value, name));
      return { name, value: isPath ? resolve(from, value) : value };
    });
    prepared.push(await prepareCell(cell, overrides, { ...preparing, splits }));
  }
  return prepared;
}

interface Dealt {
  readonly path: string;
  readonly sites: number;
}
/** By what decides them: variants share a split unless they have other images. */
type Splits = Map<string, Promise<Dealt>>;

async function prepareCell(
  cell: Cell,
  own: readonly Override[],
  preparing: Preparing & { readonly splits: Splits },
): Promise<PreparedCell> {
  const { experiment, engine } = preparing;
  const named = [...own, { name: 'name', value: cell.job }];
  try {
    const split = cell.rule && (await dealt(cell, named, preparing));
    const overrides = split === undefined ? named : [...named, { name: 'data.split', value: split.path }];
    const flags = { seed: cell.seed, ...(split && { clients: split.sites }) };
    const job = await prepareJob(experiment.job, { flags, overrides });
    return { cell, flags, overrides, ...described(job, engine) };
  } catch (error) {
    const fault = toNeuroflareError(error);
    if (fault.code.startsWith('NF_SPLIT')) throw undealt(cell, fault, experiment);
    if (!fault.code.startsWith('NF_JOB')) throw error;
    throw flError(
      'NF_EXPERIMENT_JOB',
      { run: cell.job, fault: fault.message },
      { place: fault.place, cause: error },
    );
  }
}

function undealt({ partition, seed }: Cell, fault: NeuroflareError, { source }: LoadedExperiment) {
  const params = { partition: partition ?? '', seed, fault: fault.message };
  const place = source.place(['partitions', partition ?? '']);
  return flError('NF_EXPERIMENT_PARTITION', params, { place, cause: fault });
}

function described({ plan, bundle, split, params, loaded }: PreparedJob, engine: EngineChoice) {
  const { name: _, ...job } = loaded.value;
  const { seed, packing, data } = plan.job;
  const isOfClasses = (data?.task?.kind ?? 'classification') === 'classification';
  const decides = { job, seed, sites: plan.sites, code: bundle.codeSha256, split: split?.sha256, engine };
  return {
    digest: sha256(canonicalJson(decides)),
    sites: plan.sites.length,
    rounds: plan.job.workflow.numRounds,
    modelBytes: updateSize(params, undefined),
    updateBytes: updateSize(params, packing),
    unlike: split ? unlikeOf(split) : null,
    isPrivate: plan.job.privacy !== undefined,
    // A table of an experiment has figures of classes; runs of other tasks are judged one by one.
    isJudged: isOfClasses && (split?.sites.some(({ test }) => test.length > 0) ?? false),
  };
}

function unlikeOf(split: SplitManifest): UnlikeSites {
  const { sizes, unlikeness } = splitHeterogeneity(split);
  return { sizes, unlikeness };
}

/** The split of a partition, a seed and the images of a run; it is made once. */
async function dealt(
  { partition, rule, seed, turn }: Cell,
  overrides: readonly Override[],
  { experiment, folder, splits }: Pick<Preparing, 'experiment' | 'folder'> & { readonly splits: Splits },
): Promise<Dealt> {
  const { validation, test, folds } = experiment.definition;
  const { root, selection } = (await loadJob(experiment.job, overrides)).definition.data ?? {};
  if (root === undefined || rule === undefined)
    throw flError('NF_EXPERIMENT_DATA', {}, { place: experiment.source.place(['partitions']) });
  const options = {
    bidsRoot: root,
    selection,
    strategy: rule.strategy,
    sites: rule.sites ?? (rule.strategy === 'column' ? undefined : USUAL.sites),
    siteColumn: rule.site_column ?? USUAL.site_column,
    alpha: String(rule.alpha ?? USUAL.alpha),
    shardsPerSite: rule.shards_per_site,
    skewColumn: rule.skew_column,
    minGroups: rule.min_groups,
    validation: String(validation),
    test: String(test),
    fold: folds === undefined ? undefined : `${turn}/${folds}`,
    seed,
  };
  const key = sha256(JSON.stringify(options)).slice(0, 8);
  const file = `${partition}.seed-${seed}.${key}.json`;
  const made = splits.get(file) ?? dealInto(join(folder, 'splits'), file, options);
  splits.set(file, made);
  return made;
}

/** The same images, rule and seed give the same split, so it may be written again. */
async function dealInto(
  folder: string,
  file: string,
  options: Omit<SplitOptions, 'out' | 'existing' | 'materialize'>,
): Promise<Dealt> {
  await makeFolder(folder);
  const out = join(folder, file);
  const { split, sites } = await runSplit({ ...options, out, existing: undefined, materialize: undefined });
  return { path: resolve(split), sites: sites.length };
}
