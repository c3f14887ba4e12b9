import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readRunCard } from '../federation/run-card.ts';
import { defineJob, type ModelDefinition } from '../job/definition.ts';
import { loadJob } from '../job/load.ts';
import { flError } from '../kernel/errors.ts';
import { readParamsFile } from '../tensors/read-params-file.ts';
import { type Exported, type ExportFormat, exportModel } from '../train/exchange/export-model.ts';
import { modelPath, RUN_FILES } from '../workspace/run-folder.ts';
import { findRun } from '../workspace/run-index.ts';

export interface ExportRunRequest {
  /** Name of the job; with `params` the folder of the job. */
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
 * @throws NF_RUN_NOT_FOUND, NF_EXPORT_NONE, NF_EXPORT_MODEL, and those of `exportModel`
 */
export async function exportRun(request: ExportRunRequest): Promise<ExportedRun> {
  const { model, source } =
    request.params === undefined
      ? await modelOfRun(request)
      : await modelOfFolder(request.job, request.params);
  if (model.kind !== 'built') throw flError('NF_EXPORT_MODEL', {}, { place: { file: source } });
  const params = await readParamsFile(source);
  const out = request.out ?? defaultName(request);
  const exported = await exportModel({ ...request, spec: model.spec, params, out });
  return { ...exported, source };
}

interface Source {
  readonly model: ModelDefinition;
  readonly source: string;
}

async function modelOfRun({ workspace, job, run, model }: ExportRunRequest): Promise<Source> {
  const { id, folder } = await findRun(workspace, job, run);
  const card = await readRunCard(folder);
  const path = folder.at(modelFile(model));
  if (!(await exists(path)))
    throw flError('NF_EXPORT_NONE', { run: id, which: model }, { place: { file: path } });
  return { model: defineJob(card.job, join(card.job_folder, 'job.yaml')).model, source: path };
}

async function modelOfFolder(folder: string, params: string): Promise<Source> {
  return { model: (await loadJob(folder, [])).definition.model, source: params };
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

function defaultName({ job, model, format }: ExportRunRequest): string {
  const name = job.split(/[\\/]/).filter(Boolean).at(-1) ?? 'model';
  return `${name}-${model}${EXTENSIONS[format]}`;
}
