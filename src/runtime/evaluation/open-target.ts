import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Harmonisation } from '../algorithms/harmonisation/record.ts';
import { sha256 } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { readInput } from '../base/files/read-file.ts';
import { type LearningTask, learningTaskOf, type MaskSelection } from '../base/selection/learning-task.ts';
import type { ParamSet } from '../base/tensors/nd-array.ts';
import { decodeSafetensors } from '../base/tensors/safetensors.ts';
import { JOB_FILE } from '../job/bundle.ts';
import { defineJob, modelIn } from '../job/definition.ts';
import { harmonisationOf } from '../job/harmonisation.ts';
import { loadJob } from '../job/load.ts';
import { optionsOf } from '../job/workflow-options.ts';
import { type ClassifierSpec, type ModelSpec, parseModelSpec, requireTask } from '../learning/models/spec.ts';
import type { UnetSpec } from '../learning/models/unet-spec.ts';
import { findTargetRun, runIn, type TargetRun } from '../run/find-target-run.ts';
import { harmonisationOfRun } from '../run/harmonisation.ts';
import { RUN_FILES, runFolder } from '../run/run-folder.ts';
import { describeRunIn } from '../run/stored-runs.ts';

export interface TargetWish {
  /** A run's folder, `JOB`, `JOB/RUN_ID`, or a .safetensors file. */
  readonly target: string;
  readonly workspace: string;
  /** Which model of a run. */
  readonly which: 'best' | 'final';
  /** Job that trained a model file that lies outside a run. */
  readonly job: string | undefined;
}

/** A trained network, and where it is from. */
export type Target = ClassTarget | MaskTarget;

/** One that tells classes. */
export interface ClassTarget extends TrainedModel {
  readonly task: 'classification';
  readonly spec: ClassifierSpec;
  readonly classes: readonly string[];
}

/** One that labels voxels. */
export interface MaskTarget extends TrainedModel {
  readonly task: 'segmentation';
  readonly spec: UnetSpec;
  /** Which masks it learnt from. */
  readonly masks: MaskSelection;
}

/** Its numbers, and where they lie. */
export interface TrainedModel {
  readonly params: ParamSet;
  readonly file: string;
  readonly sha256: string;
  /** The run it came from, if it lies in one. */
  readonly run: TargetRun | undefined;
  /** What was done with the pictures that it was trained on. */
  readonly harmonisation: Harmonisation | undefined;
}

/** Finds what `evaluate` and `predict` are asked about. @throws NF_EVALUATE_*, NF_RUN_*, NF_TENSORS_FILE, NF_MODEL_* */
export async function openTarget(wish: TargetWish): Promise<Target> {
  const run = await findRunOf(wish);
  const file = run && !isModelFile(wish.target) ? await modelOf(run, wish.which) : resolve(wish.target);
  const { spec, task, isHarmonised } = await trainedBy(file, { run, job: wish.job });
  const bytes = await readInput(file);
  const params = decodeSafetensors(bytes, file);
  const harmonisation = isHarmonised ? await harmonisationOfRun(run, file) : undefined;
  const model = { params, file, sha256: sha256(bytes), run, harmonisation };
  if (spec.type === 'unet') {
    const known = task ?? learningTaskOf({ task: 'segmentation' });
    requireTask(spec, known);
    if (known.kind === 'segmentation') return { task: known.kind, spec, masks: known.masks, ...model };
  } else if (spec.classes !== undefined) {
    return { task: 'classification', spec, classes: spec.classes, ...model };
  }
  throw flError('NF_EVALUATE_CLASSES', {}, { place: { key: 'model.classes' } });
}

/** Whether a model is named in place of a run. */
export function isModelFile(target: string): boolean {
  return target.endsWith('.safetensors');
}

async function findRunOf({ target, workspace }: TargetWish): Promise<Target['run']> {
  if (isModelFile(target)) {
    await stat(target).catch((cause: unknown) => {
      throw flError('NF_PATH_MISSING', { what: 'Model', path: target }, { place: { file: target }, cause });
    });
    const folder = [dirname(resolve(target)), dirname(dirname(resolve(target)))].map(runFolder);
    for (const one of folder) {
      const run = await runIn(one);
      if (run) return run;
    }
    return undefined;
  }
  return findTargetRun({ target, workspace });
}

async function modelOf({ folder }: TargetRun, which: 'best' | 'final'): Promise<string> {
  const wanted = which === 'best' ? [RUN_FILES.best, RUN_FILES.final] : [RUN_FILES.final];
  for (const name of wanted) {
    const path = folder.at(name);
    if (await stat(path).catch(() => undefined)) return path;
  }
  const { status } = await describeRunIn(folder);
  throw flError('NF_EVALUATE_NO_MODEL', { run: basename(folder.root), which, status });
}

interface Trained {
  readonly spec: ModelSpec;
  /** Undefined: what such a network learns where nothing is said. */
  readonly task: LearningTask | undefined;
  /** Whether its pictures were harmonised. */
  readonly isHarmonised: boolean;
}

async function trainedBy(
  file: string,
  { run, job }: { run: Target['run']; job: string | undefined },
): Promise<Trained> {
  if (job !== undefined) {
    const { definition, folder } = await loadJob(job);
    const isHarmonised = harmonisationOf(definition.workflow) !== undefined;
    const { model, data } = definition;
    if (model.kind === 'built')
      return { spec: parseModelSpec(modelIn(folder, model.spec)), task: data?.task, isHarmonised };
    throw flError('NF_EVALUATE_NETWORK', { file }, { place: { file: join(job, JOB_FILE), key: 'model' } });
  }
  const { workflow } = run?.card.job ?? {};
  const definition = run && defineJob(run.card.job, join(run.card.job_folder, JOB_FILE));
  const isHarmonised =
    workflow !== undefined && harmonisationOf({ options: optionsOf(workflow) }) !== undefined;
  if (run && definition?.model.kind === 'built') {
    const spec = parseModelSpec(modelIn(run.folder.at(RUN_FILES.bundle), definition.model.spec));
    return { spec, task: definition.data?.task, isHarmonised };
  }
  throw flError('NF_EVALUATE_NETWORK', { file }, { place: { file } });
}
