import { flError } from '../errors/errors.ts';
import { type ParamSet, zeros } from './nd-array.ts';
import { openTensorFile } from './tensor-file.ts';

/**
 * Arrays of a safetensors file, each with memory of its own.
 * @param isWanted by name; default: all of them @throws NF_PATH_MISSING, NF_SAFETENSORS_*
 */
export async function readParamsFile(
  path: string,
  isWanted: (name: string) => boolean = () => true,
): Promise<ParamSet> {
  const file = await openTensorFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Model', path }, { place: { file: path }, cause });
  });
  try {
    const wanted = file.layout.filter(({ name }) => isWanted(name));
    const arrays = wanted.map((entry) => ({ entry, array: zeros(entry.dtype, entry.shape) }));
    for (const { entry, array } of arrays) {
      const { buffer, byteLength } = array.data;
      await file.readSlice(entry, 0, new Uint8Array(buffer, 0, byteLength));
    }
    return Object.fromEntries(arrays.map(({ entry, array }) => [entry.name, array]));
  } finally {
    await file.close();
  }
}
