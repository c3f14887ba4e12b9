import { readFile } from 'node:fs/promises';
import { flError } from '../kernel/errors.ts';
import type { ParamSet } from './nd-array.ts';
import { decodeSafetensors } from './safetensors.ts';

/** All arrays of a safetensors file. @throws NF_PATH_MISSING, NF_SAFETENSORS_* */
export async function readParamsFile(path: string): Promise<ParamSet> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Model', path }, { place: { file: path }, cause });
  });
  return decodeSafetensors(bytes, path);
}
