import { resolve } from 'node:path';
import { readSplit } from '../../../preprocess/split/manifest.ts';
import { canonicalJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { compareSites } from '../../base/site-order.ts';
import { type Bundle, JOB_FILE, readBundle } from '../../job/bundle.ts';
import { goalByName } from '../../job/key-metric.ts';
import { type LoadedJob, loadJob } from '../../job/load.ts';
import type { RunFlags } from '../../job/plan.ts';
import type { JobFile } from '../../job/schema.ts';
import type { Override } from '../../job/variables.ts';
import type { RunCard } from '../../run/run-card.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';

/** A run that exists, and what it is asked to go on with. */
export interface Comparison {
  readonly card: RunCard;
  readonly folder: RunFolder;
  readonly flags: RunFlags;
  readonly engine: RunCard['engine'];
  readonly overrides: readonly Override[];
  /** The job as it is now. */
  readonly loaded: LoadedJob;
  readonly bundle: Bundle;
}

/** Keys that may change for a run to go on: how long is waited, and what it says of itself. None of them changes a bit of a round. */
const PATIENCE: ReadonlySet<string> = new Set([
  'description',
  'workflow.site_timeout',
  'executor.task_timeout',
]);
/** As well for a finished run: how long it is. */
const LENGTHS: ReadonlySet<string> = new Set([...PATIENCE, 'workflow.num_rounds']);

/**
 * The job with which a run that was stopped or failed goes on: what it was started with, save for its limits of time. `--set` may repeat
 * its values.
 * @throws NF_RUN_CHANGED with the key
 */
export async function sameJob(run: Comparison): Promise<JobFile> {
  return (await jobNow(run, PATIENCE)) ?? run.card.job;
}

/**
 * The job with which a finished run goes on as another one: it differs from the run's by its rounds and its limits of time alone.
 * Undefined where nothing says that it should.
 * @throws NF_RUN_CHANGED with the key
 */
export function longerJob(run: Comparison): Promise<JobFile | undefined> {
  return jobNow(run, LENGTHS);
}

/** Undefined where neither the files nor `--set` say anything else than the run was started with. */
async function jobNow(run: Comparison, mayChange: ReadonlySet<string>): Promise<JobFile | undefined> {
  const { card, bundle, folder, overrides } = run;
  const then = await filesThen(run);
  const file = changedFile(withoutJobFile(then), withoutJobFile(bundle));
  if (file !== undefined) throw changed(file);
  await requireSameFlags(run);
  const isSameFile = then.sha256 === bundle.sha256;
  if (isSameFile && overrides.length === 0) return undefined;
  // The seed of a run may come from its command line; that of its file is compared with its file.
  const written = (await loadJob(folder.at(RUN_FILES.bundle))).value.seed;
  const isGiven = overrides.some(({ name }) => name === 'seed');
  if (!isGiven && run.loaded.value.seed !== written) throw changed('seed of job.yaml');
  const wanted = isGiven ? run.loaded.value : { ...run.loaded.value, seed: card.job.seed };
  const key = keysThatDiffer(withGoal(card.job), withGoal(wanted)).find((name) => !mayChange.has(name));
  if (key !== undefined) throw changed(isSameFile ? `a value of --set (${key})` : `${key} of job.yaml`);
  return wanted;
}

async function filesThen({ card, folder }: Comparison): Promise<Bundle> {
  const then = await readBundle(folder.at(RUN_FILES.bundle));
  if (then.sha256 !== card.bundle_sha256) throw changed('the bundle in the run folder');
  return then;
}

type Files = Pick<Bundle, 'files'>;

function withoutJobFile({ files }: Files): Files {
  return { files: files.filter(({ path }) => path !== JOB_FILE) };
}

function changedFile(then: Files, now: Files): string | undefined {
  const digests = new Map(then.files.map(({ path, sha256 }) => [path, sha256]));
  return (
    now.files.find(({ path, sha256 }) => digests.get(path) !== sha256)?.path ??
    then.files.find(({ path }) => !now.files.some((other) => other.path === path))?.path
  );
}

async function requireSameFlags({ card, flags, engine }: Comparison): Promise<void> {
  const { clients, siteNames, seed, dataRoot } = flags;
  if ((clients ?? card.sites.length) !== card.sites.length) throw changed('the number of clients');
  if (siteNames && [...siteNames].sort(compareSites).join() !== card.sites.join())
    throw changed('the names of the clients');
  if ((seed ?? card.job.seed) !== card.job.seed) throw changed('the seed');
  if (dataRoot !== undefined && resolve(dataRoot) !== card.data?.root) throw changed('the data folder');
  const split = card.data?.split;
  if (split && card.data?.split_sha256 !== (await readSplit(split)).sha256) throw changed(split);
  if (engine !== card.engine) throw changed('the choice of engine (--engine)');
}

/** With what is derived where it is not written: version 0.1.0 wrote it into every card. */
function withGoal(job: JobFile): JobFile {
  const { workflow } = job;
  const goal = workflow.key_metric_goal ?? goalByName(workflow.key_metric);
  return { ...job, workflow: { ...workflow, key_metric_goal: goal } };
}

/** Dotted names of the leaves that are not the same. */
function keysThatDiffer(one: unknown, other: unknown, path: readonly string[] = []): string[] {
  if (canonicalJson([one ?? null]) === canonicalJson([other ?? null])) return [];
  if (!isMap(one) || !isMap(other)) return [path.join('.')];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) => keysThatDiffer(one[key], other[key], [...path, key]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function changed(what: string) {
  return flError('NF_RUN_CHANGED', { what });
}
