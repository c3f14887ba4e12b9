import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';
import { defineJob, type ModelDefinition } from '../job/definition.ts';
import { loadJob } from '../job/load.ts';
import { type Exported, type ExportFormat, exportModel } from '../learning/export/export-model.ts';
import { findTargetRun } from '../run/find-target-run.ts';
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
  const { model, source, name } =
    request.params === undefined
      ? await modelOfRun(request)
      : await modelOfFolder(request.job, request.params);
  if (model.kind !== 'built') throw flError('NF_EXPORT_MODEL', {}, { place: { file: source } });
  const params = await readParamsFile(source);
  const out = request.out ?? `${name}-${request.model}${EXTENSIONS[request.format]}`;
  const exported = await exportModel({ ...request, spec: model.spec, params, out });
  return { ...exported, source };
}

interface Source {
  readonly model: ModelDefinition;
  readonly source: string;
  /** What files are called after. */
  readonly name: string;
}

async function modelOfRun({ workspace, job, run, model }: ExportRunRequest): Promise<Source> {
  const { card, folder } = await findTargetRun({ target: job, run, workspace });
  const path = folder.at(modelFile(model));
  if (!(await exists(path)))
    throw flError('NF_EXPORT_NONE', { run: card.run_id, which: model }, { place: { file: path } });
  const definition = defineJob(card.job, join(card.job_folder, 'job.yaml'));
  return { model: definition.model, source: path, name: definition.name };
}

async function modelOfFolder(folder: string, params: string): Promise<Source> {
  const { model, name } = (await loadJob(folder, [])).definition;
  return { model, source: params, name };
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
