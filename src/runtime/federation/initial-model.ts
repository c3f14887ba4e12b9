import { flError } from '../base/errors/errors.ts';
import { reasonOf } from '../base/errors/reason-of.ts';
import { writeFileHashed } from '../base/files/files.ts';
import { checkParams } from '../base/tensors/check-params.ts';
import { DTYPES, elementCount, type NdArray, type ParamSet, zeros } from '../base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../base/tensors/safetensors.ts';
import type { JobDefinition } from '../job/definition.ts';
import { type FileRules, readJobFile } from '../job/job-paths.ts';
import type { ArrayLiteral } from '../job/schema.ts';
import { backboneParams } from '../learning/backbone/network-file.ts';
import { importParams } from '../learning/export/import-params.ts';
import { initialParams, parameterShapes } from '../learning/models/initial-params.ts';
import { parseModelSpec } from '../learning/models/spec.ts';
import type { FileRef } from '../run/events.ts';
import type { RunFiles } from '../run/run-files.ts';

/** The job's model of round 0: its arrays, its file, or a built model's first values from the seed of the job. */
export async function initialModel(job: JobDefinition, rules: FileRules): Promise<ParamSet> {
  requireModelSize(job, rules);
  const params = await readParams(job, rules);
  try {
    checkParams(params);
    return params;
  } catch (error) {
    throw unusable(reasonOf(error));
  }
}

/** Puts model 0 among a run's files. */
export function keepInitialModel(files: RunFiles, params: ParamSet): Promise<FileRef> {
  return files.keepModel(0, (target) => writeModel(params, target));
}

/** Returns the SHA-256 of the file. */
export function writeModel(params: ParamSet, target: string): Promise<string> {
  return writeFileHashed(target, encodeSafetensors(params));
}

/**
 * Bytes that a model takes are worked out from its plan, before there is one. Those of a file are the file's.
 * @throws NF_JOB_MODEL_SIZE
 */
export function requireModelSize({ model }: Pick<JobDefinition, 'model'>, { mostBytes }: FileRules): void {
  const bytes = plannedBytes(model);
  if (bytes <= mostBytes) return;
  const key = model.kind === 'built' ? 'model' : 'model.initial_params';
  const limit = Math.floor(mostBytes);
  throw flError('NF_JOB_MODEL_SIZE', { bytes, limit }, { place: { key } });
}

function plannedBytes(model: JobDefinition['model']): number {
  if (model.kind === 'built') {
    const shapes = parameterShapes(model.spec);
    return shapes.reduce((sum, shape) => sum + elementCount(shape) * DTYPES.float32.BYTES_PER_ELEMENT, 0);
  }
  if (typeof model.params === 'string') return 0;
  return Object.values(model.params).reduce((sum, { dtype, shape, data }) => {
    const elements = elementCount(shape ?? shapeOf(data));
    return sum + elements * DTYPES[dtype].BYTES_PER_ELEMENT;
  }, 0);
}

async function readParams({ model, seed }: JobDefinition, rules: FileRules): Promise<ParamSet> {
  if (model.kind === 'built') {
    const { importFrom: path } = model;
    if (path === undefined) return initialParams(model.spec, seed);
    const spec = parseModelSpec(model.spec);
    if (spec.type === 'backbone') return backboneParams(spec, { path, seed, rules });
    return importParams(path, model.spec, rules);
  }
  if (typeof model.params !== 'string') {
    return Object.fromEntries(
      Object.entries(model.params).map(([name, literal]) => [name, toArray(name, literal)]),
    );
  }
  const path = model.params;
  const bytes = await readJobFile(path, { what: 'The initial model', key: 'model.initial_params' }, rules);
  return decodeSafetensors(bytes, path);
}

function toArray(name: string, { dtype, shape, data }: ArrayLiteral): NdArray {
  const nested = shapeOf(data);
  const array = zeros(dtype, shape ?? nested);
  const values = Array.isArray(data) ? flatten(data) : undefined;
  if (values && values.length !== elementCount(array.shape)) {
    const counts = `data has ${values.length} elements, the shape ${elementCount(array.shape)}`;
    throw unusable(`'${name}' is not a usable array: ${counts}.`, name);
  }
  if (values) array.data.set(values);
  else array.data.fill(Number(data));
  return array;
}

/** Arrays that the job itself gives: a fault of the job, not of a site. */
function unusable(faults: string, name?: string) {
  const key = ['model.initial_params', name].filter((part) => part !== undefined).join('.');
  return flError('NF_JOB_INVALID', { faults }, { place: { key } });
}

/** Shape of nested lists by their first elements; ragged lists show in the element count. */
export function shapeOf(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...shapeOf(data[0])] : [];
}

function flatten(data: readonly unknown[]): number[] {
  return data.flatMap((item) => (Array.isArray(item) ? flatten(item) : [Number(item)]));
}
