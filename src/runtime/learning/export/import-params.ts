import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import { checkSameForm } from '../../base/tensors/check-params.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { decodeSafetensors } from '../../base/tensors/safetensors.ts';
import { type FileRules, readJobFile } from '../../job/job-paths.ts';
import { initialParams } from '../models/initial-params.ts';
import { fromTorch, torchName } from './torch-order.ts';

/**
 * Parameters for a model of a job from a file that `neuroflare export` wrote, or that has the same names: an ONNX file,
 * TensorFlow.js's model.json (or its folder), safetensors with our names and axis order or with PyTorch's.
 *
 * @throws NF_IMPORT_FILE, NF_JOB_DATA, NF_JOB_PATH, NF_TENSORS_*
 */
export async function importParams(path: string, spec: unknown, rules: FileRules): Promise<ParamSet> {
  const like = initialParams(spec);
  const given = await readAny(path, like, rules);
  const params = Object.fromEntries(
    Object.keys(like).flatMap((name) => (given[name] ? [[name, given[name]]] : [])),
  );
  try {
    checkSameForm(params, like);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw flError('NF_IMPORT_FILE', { path, reason }, { place: { file: path }, cause });
  }
  return params;
}

async function readAny(path: string, like: ParamSet, rules: FileRules): Promise<ParamSet> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
  if (isFolder || path.endsWith('.json')) {
    const { readTfjsWeights } = await import('./tfjs-files.ts');
    return readTfjsWeights(isFolder ? join(path, 'model.json') : path, rules);
  }
  const bytes = await readJobFile(path, { what: 'The model to begin with', key: 'model.import' }, rules);
  if (path.endsWith('.onnx')) {
    const { readInitializers } = await import('./read-initializers.ts');
    return readInitializers(bytes, path);
  }
  const params = decodeSafetensors(bytes, path);
  const torch = Object.keys(like).every((name) => torchName(name) in params);
  return torch ? fromTorch(params, like, path) : params;
}
