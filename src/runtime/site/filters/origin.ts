import { DTYPES, type NumericArray } from '../../base/tensors/nd-array.ts';
import { readInto, type TensorFile } from '../../base/tensors/tensor-file.ts';
import type { Slice } from './write-tensors.ts';

/** The same elements of the received model; zeros where an update is differences. */
export function originOf(base: TensorFile | undefined): (slice: Slice) => Promise<NumericArray> {
  let buffer: NumericArray = new Float32Array(0);
  return async ({ entry, start, values }) => {
    if (buffer.length < values.length || !(buffer instanceof DTYPES[entry.dtype]))
      buffer = new DTYPES[entry.dtype](values.length);
    const origin = buffer.subarray(0, values.length);
    const found = base?.entry(entry.name);
    if (base && found) await readInto(base, found, { start, values: origin });
    return origin;
  };
}
