import { DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import type { TensorFile } from '../../base/tensors/tensor-file.ts';
import { type Parts, readElements, SLICE_ELEMENTS, type SliceMaker, unusable } from './mean.ts';

/**
 * Slices of the base and, added to it in float64, of the differences times their weights, in the order of the sources. Integers are
 * rounded to nearest.
 * @param received files that sites began with, by path; others began with the base
 */
export function differencesOf(
  entry: TensorEntry,
  parts: Parts,
  received: ReadonlyMap<string, TensorFile>,
): SliceMaker {
  const { sources, origin } = parts;
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const sum = new Float64Array(longest);
  const [values, before] = [new DTYPES[entry.dtype](longest), new DTYPES[entry.dtype](longest)];
  return async (start, out) => {
    const read = (file: TensorFile, into: NumericArray) =>
      readElements(file, { name: entry.name, start, into: into.subarray(0, out.length) });
    sum.set(await read(origin.file, before));
    for (const { file, weight, paramsType, base } of sources) {
      const update = await read(file, values);
      const from =
        paramsType === 'FULL' ? await read(received.get(base ?? '') ?? origin.file, before) : undefined;
      addDifference(sum, { update, from, weight });
    }
    const result = sum.subarray(0, out.length);
    if (!isFloat(entry))
      for (let index = 0; index < result.length; index++) result[index] = Math.round(result[index] ?? 0);
    out.set(result);
    const wrong = out.findIndex((value, index) => !isKept(value, result[index] ?? 0, entry));
    if (wrong !== -1) throw await unusable(entry, parts, { index: start + wrong, value: result[wrong] });
  };
}

/** Integers are taken modulo their range, and what is outside would be another number. */
function isKept(value: number, wanted: number, entry: TensorEntry): boolean {
  return isFloat(entry) ? Number.isFinite(value) : value === wanted;
}

function addDifference(
  sum: Float64Array,
  { update, from, weight }: { update: NumericArray; from: NumericArray | undefined; weight: number },
): void {
  for (let index = 0; index < update.length; index++)
    sum[index] = (sum[index] ?? 0) + weight * ((update[index] ?? 0) - (from?.[index] ?? 0));
}
