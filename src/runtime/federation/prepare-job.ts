import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSubjects, requireLabels, type Subjects } from '../../preprocess/select/read-subjects.ts';
import { agreedSelection } from '../../preprocess/select/record.ts';
import { checkSplit } from '../../preprocess/split/check.ts';
import { readSplit, type SplitManifest } from '../../preprocess/split/manifest.ts';
import { listGaps } from '../../preprocess/split/plan.ts';
import { atPlace, flError, NeuroflareError } from '../base/errors/errors.ts';
import type { StrippedTexts } from '../base/files/strip-types.ts';
import { channelCount } from '../base/selection/selection.ts';
import { type ParamSet, paramNames } from '../base/tensors/nd-array.ts';
import { counted } from '../base/text/counted.ts';
import type { JobHome } from '../job/built-job.ts';
import type { Bundle } from '../job/bundle.ts';
import { defineJob } from '../job/definition.ts';
import { type FileRules, LOCAL_FILES } from '../job/job-paths.ts';
import { type LoadedJob, readJob } from '../job/load.ts';
import { planRun, type RunFlags, type RunPlan } from '../job/plan.ts';
import { type GroupCount, requireDelta } from '../job/privacy.ts';
import { checkScript } from '../job/script.ts';
import type { Override } from '../job/variables.ts';
import { inputChannels, parseModelSpec, requireChannels, requireTask } from '../learning/models/spec.ts';
import type { RunCard } from '../run/run-card.ts';
import { requireComparable, requireHarmonisable } from './harmonisable.ts';
import { initialModel, requireModelSize } from './initial-model.ts';
import { jobWarnings } from './job-warnings.ts';
import { requireJudgeable, requireTested } from './judgeable.ts';
import { requireFitting } from './model-form.ts';
import { requireNetwork, requireNetworkInside } from './pretrained-network.ts';
import { requirePrivate, trainingGroups } from './private-job.ts';
import { requireMasks } from './require-masks.ts';

/** A job that passed every check that can be made before a site starts. */
export interface PreparedJob {
  readonly loaded: LoadedJob;
  readonly bundle: Bundle;
  readonly scripts: StrippedTexts;
  readonly plan: RunPlan;
  readonly split: SplitManifest | undefined;
  readonly params: ParamSet;
  /** Groups of people that each site trains on; undefined where no split says so. */
  readonly groups: readonly GroupCount[] | undefined;
  /** What a reader of the results should know, e.g. that a site has no image of a class. */
  readonly warnings: readonly string[];
}

/** Reads a job and refuses it before work starts if its script, data, split, model or counts do not fit together. */
export async function prepareJob(
  home: JobHome,
  { flags = {}, overrides = [] }: { flags?: RunFlags; overrides?: readonly Override[] } = {},
): Promise<PreparedJob> {
  const { loaded, bundle } = await readJob(home, overrides);
  const scripts = checkScript(loaded, bundle);
  const { definition } = loaded;
  checkModelSpec(loaded, LOCAL_FILES);
  const root = flags.dataRoot === undefined ? definition.data?.root : resolve(flags.dataRoot);
  const { split, subjects } = await checkData(root, loaded);
  const siteNames = split?.sites.map(({ name }) => name);
  const plan = inJob(loaded.source, () => planRun(definition, { ...flags, dataRoot: root }, siteNames));
  const groups = trainingGroups({ split, subjects }, plan.sites);
  inJob(loaded.source, () => {
    requireComparable(plan, { split, subjects });
    if (plan.job.privacy && groups) requireDelta(plan.job.privacy, groups);
    requireTested(plan, { split, subjects });
  });
  const placed = (error: unknown) => {
    throw placedInJob(error, loaded.source);
  };
  const params = await initialModel(plan.job, LOCAL_FILES).catch(placed);
  await requireNetwork(plan.job).catch(placed);
  inJob(loaded.source, () => requireFitting(definition, paramNames(params)));
  const gaps = split ? shortened(listGaps(split.sites, ['train', 'validation'])) : [];
  const warnings = [...jobWarnings(loaded, bundle, split), ...gaps];
  return { loaded, bundle, scripts, split, plan, params, groups, warnings };
}

/** The plan of a run that exists, from what it was started with. */
export function plannedAgain(card: RunCard): RunPlan {
  const job = defineJob(card.job, join(card.job_folder, 'job.yaml'));
  const { selection, task } = job.data ?? {};
  const data = card.data && { root: card.data.root, split: card.data.split ?? undefined, selection, task };
  return { job: { ...job, data: data ?? undefined }, sites: card.sites, minClients: card.min_clients };
}

/** @throws the fault of a built model, or one that is too large, at its line */
export function checkModelSpec({ definition, source, folder }: LoadedJob, rules: FileRules): void {
  const { model } = definition;
  inJob(source, () => {
    if (model.kind === 'built') {
      const spec = parseModelSpec(model.spec);
      requireNetworkInside(spec, folder);
      if (definition.data) requireTask(spec, definition.data.task ?? { kind: 'classification' });
    }
    requireModelSize(definition, rules);
    requireHarmonisable(definition);
    requirePrivate(definition);
    requireJudgeable(definition);
  });
}

/** What is at fault in a definition is so at its line. */
export function inJob<Result>(source: LoadedJob['source'], work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw placedInJob(error, source);
  }
}

/** A fault of the definition that shows only when a value is used is about the line with the value. */
function placedInJob(thrown: unknown, source: LoadedJob['source']): unknown {
  if (!(thrown instanceof NeuroflareError) || thrown.place?.key === undefined) return thrown;
  return atPlace(thrown, source.place(thrown.place.key.split('.')));
}

interface CheckedData {
  readonly split: SplitManifest | undefined;
  /** Undefined where the job names no data. */
  readonly subjects: Subjects | undefined;
}

async function checkData(root: string | undefined, loaded: LoadedJob): Promise<CheckedData> {
  if (root === undefined) return { split: undefined, subjects: undefined };
  const { split: path, selection } = loaded.definition.data ?? {};
  // Said first: a split is made from the data.
  if (!existsSync(root)) {
    const fault = flError(
      'NF_BIDS_NOT_A_DATASET',
      { path: root, missing: 'the folder' },
      { place: { file: root } },
    );
    throw placedAtPath(fault, { loaded, key: 'root', path: root });
  }
  const split =
    path === undefined
      ? undefined
      : await readSplit(path).catch((error: unknown) => {
          throw placedAtPath(error, { loaded, key: 'split', path });
        });
  const agreed = agreedSelection(selection, split && { path: path ?? '', selection: split.selection });
  const subjects = await readSubjects(root, agreed).catch((error: unknown) => {
    throw placedAtPath(error, { loaded, key: 'root', path: root });
  });
  const task = loaded.definition.data?.task;
  const isLabelled = task === undefined || task.kind === 'classification';
  if (isLabelled && (selection || subjects.columns.length === 0)) requireLabels(subjects);
  if (split) checkSplit(split, subjects);
  if (task) await requireMasks(root, { task, split, subjects });
  const { model } = loaded.definition;
  if (model.kind === 'built') {
    const spec = parseModelSpec(model.spec);
    inJob(loaded.source, () => requireChannels(inputChannels(spec), channelCount(subjects.selection)));
  }
  return { split, subjects };
}

/** A path that leads nowhere is at fault where it is written, unless a flag gave it. */
function placedAtPath(
  thrown: unknown,
  { loaded, key, path }: { loaded: LoadedJob; key: 'root' | 'split'; path: string },
): unknown {
  const written = loaded.source.document.getIn(['data', key]);
  const isWritten = typeof written === 'string' && resolve(loaded.folder, written) === path;
  if (!isWritten || !(thrown instanceof NeuroflareError)) return thrown;
  // What is wrong inside a file has a place there.
  if (thrown.place && thrown.place.file !== path) return thrown;
  return atPlace(thrown, loaded.source.place(['data', key]));
}

/** With hundreds of sites nobody reads every line. */
const MOST_WARNINGS = 12;

function shortened(lines: readonly string[]): string[] {
  if (lines.length <= MOST_WARNINGS) return [...lines];
  return [
    ...lines.slice(0, MOST_WARNINGS),
    `${counted(lines.length - MOST_WARNINGS, 'more part', 'more parts')} without all classes`,
  ];
}
