import { readFile } from 'node:fs/promises';
import type { JobDefinition } from '../job/definition.ts';
import type { ArrayLiteral } from '../job/schema.ts';
import { flError } from '../kernel/errors.ts';
import type { FileRef } from '../telemetry/run-events.ts';
import { checkParams } from '../tensors/check-params.ts';
import { elementCount, type NdArray, type ParamSet, zeros } from '../tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../tensors/safetensors.ts';
import { importParams } from '../train/exchange/import-params.ts';
import { initialParams } from '../train/models/initial-params.ts';
import { writeFileHashed } from '../workspace/files.ts';
import type { RunFiles } from './run-files.ts';

/** The job's model of round 0: its arrays, its file, or a built model's first values from the seed of the job. */
export async function initialModel(job: JobDefinition): Promise<ParamSet> {
  const params = await readParams(job);
  try {
    checkParams(params);
    return params;
  } catch (error) {
    throw unusable(error instanceof Error ? error.message : String(error));
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

async function readParams({ model, seed }: JobDefinition): Promise<ParamSet> {
  if (model.kind === 'built') {
    if (model.importFrom === undefined) return initialParams(model.spec, seed);
    return importParams(model.importFrom, model.spec);
  }
  if (typeof model.params !== 'string') {
    return Object.fromEntries(
      Object.entries(model.params).map(([name, literal]) => [name, toArray(name, literal)]),
    );
  }
  const path = model.params;
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError(
      'NF_JOB_DATA',
      { what: 'The initial model', path },
      { place: { key: 'model.initial_params' }, cause },
    );
  });
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
function shapeOf(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...shapeOf(data[0])] : [];
}

function flatten(data: readonly unknown[]): number[] {
  return data.flatMap((item) => (Array.isArray(item) ? flatten(item) : [Number(item)]));
}
