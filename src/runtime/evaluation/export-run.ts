import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { prettyJson } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { writeFileAtomic } from '../base/files/files.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';
import { defineJob, type JobDefinition, type ModelDefinition, modelIn } from '../job/definition.ts';
import { harmonisationOf } from '../job/harmonisation.ts';
import { loadJob } from '../job/load.ts';
import { type Exported, type ExportFormat, exportModel } from '../learning/export/export-model.ts';
import { findTargetRun, type TargetRun } from '../run/find-target-run.ts';
import { harmonisationOfRun } from '../run/harmonisation.ts';
import { modelPath, RUN_FILES } from '../run/run-folder.ts';

export interface ExportRunRequest {
  /** `JOB`, `JOB/RUN_ID` or the folder of a run; with `params` the folder of the job. */
  readonly job: string;
  readonly workspace: string;
  /** Id of the run; default: the newest. */
  readonly run?: string | undefined;
  /** `final`, `best`, or the number of a round. */
  readonly model: string;
  /** A safetensors file with the parameters of the job's model, in place of a run's. */
  readonly params?: string | undefined;
  readonly format: ExportFormat;
  readonly out?: string | undefined;
  readonly force: boolean;
}

export interface ExportedRun extends Exported {
  /** The safetensors file that was exported. */
  readonly source: string;
}

/**
 * Exports a model of a run.
 * @throws NF_RUN_TARGET, NF_RUN_NOT_FOUND, NF_EXPORT_NONE, NF_EXPORT_MODEL, and those of `exportModel`
 */
export async function exportRun(request: ExportRunRequest): Promise<ExportedRun> {
  const { model, source, name, isHarmonised, run } =
    request.params === undefined
      ? await modelOfRun(request)
      : await modelOfFolder(request.job, request.params);
  if (model.kind !== 'built') throw flError('NF_EXPORT_MODEL', {}, { place: { file: source } });
  const params = await readParamsFile(source);
  const out = request.out ?? `${name}-${request.model}${EXTENSIONS[request.format]}`;
  const harmonisation = isHarmonised ? await harmonisationOfRun(run, source) : undefined;
  const exported = await exportModel({ ...request, spec: model.spec, params, out });
  if (!harmonisation) return { ...exported, source };
  const beside =
    request.format === 'tfjs' ? join(out, RUN_FILES.harmonisation) : `${out}.${RUN_FILES.harmonisation}`;
  await writeFileAtomic(beside, prettyJson(harmonisation));
  return { files: [...exported.files, beside], notes: [...exported.notes, HARMONISED_INPUT], source };
}

const HARMONISED_INPUT =
  'The model was trained on harmonised pictures: give it pictures to which what harmonisation.json says was done (docs/harmonisation.md).';

interface Source {
  readonly model: ModelDefinition;
  readonly source: string;
  /** What files are called after. */
  readonly name: string;
  /** Whether its pictures were harmonised, and the run that knows how. */
  readonly isHarmonised: boolean;
  readonly run?: TargetRun;
}

async function modelOfRun({ workspace, job, run, model }: ExportRunRequest): Promise<Source> {
  const found = await findTargetRun({ target: job, run, workspace });
  const { card, folder } = found;
  const path = folder.at(modelFile(model));
  if (!(await exists(path)))
    throw flError('NF_EXPORT_NONE', { run: card.run_id, which: model }, { place: { file: path } });
  const definition = defineJob(card.job, join(card.job_folder, 'job.yaml'));
  return { ...described(definition, folder.at(RUN_FILES.bundle)), source: path, run: found };
}

async function modelOfFolder(folder: string, params: string): Promise<Source> {
  const { definition, folder: home } = await loadJob(folder, []);
  return { ...described(definition, home), source: params };
}

/** @param home where the files of the job lie */
function described({ model, name, workflow }: JobDefinition, home: string) {
  const found = model.kind === 'built' ? { ...model, spec: modelIn(home, model.spec) } : model;
  return { model: found, name, isHarmonised: harmonisationOf(workflow) !== undefined };
}

function modelFile(model: string): string {
  if (model === 'final') return RUN_FILES.final;
  return model === 'best' ? RUN_FILES.best : modelPath(Number(model));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const EXTENSIONS: Record<ExportFormat, string> = {
  onnx: '.onnx',
  safetensors: '.safetensors',
  tfjs: '-tfjs',
};
