import { flError } from '../../base/errors/errors.ts';
import { DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { firstNotFinite } from '../../base/tensors/not-finite.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import { addWords, fromRing, RANGE, toRing } from '../../masking/ring.ts';
import { copyOf, type Parts, readElements, SLICE_ELEMENTS, type SliceMaker, unusable } from './mean.ts';

/** How sums in the ring are made. */
export interface RingSum {
  /** Sites whose updates are in the sum. */
  readonly sites: readonly string[];
  /** What the mean of their differences is multiplied by. */
  readonly factor: number;
}

/**
 * Slices of the base and, added to it, the mean of the sites' differences as secure aggregation makes it: each times its site's share of
 * all weight and rounded to the grid, added as whole numbers, divided by the shares of those that are in the sum. Masks add nothing to such a sum,
 * so it is the same with them and without. Integers are rounded to nearest. An array that no site sends is what it was.
 * @param parts with shares in place of weights
 * @throws NF_SECAGG_RANGE, NF_SECAGG_ARRAYS with the site
 */
export function ringSum(entry: TensorEntry, parts: Parts, { sites, factor }: RingSum): SliceMaker {
  const { sources, origin } = parts;
  if (sources.length === 0) return copyOf(entry, parts);
  requireAll(entry, parts, sites);
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const [values, base] = [new DTYPES[entry.dtype](longest), new DTYPES[entry.dtype](longest)];
  const [words, total] = [new Int32Array(longest), new Int32Array(longest)];
  const [difference, mean] = [new Float64Array(longest), new Float64Array(longest)];
  const share = sources.reduce((sum, { weight }) => sum + weight, 0);
  return async (start, out) => {
    const [own, sum] = [words.subarray(0, out.length), total.subarray(0, out.length)];
    const differs = difference.subarray(0, out.length);
    sum.fill(0);
    const read = (file: Parts['origin']['file'], into: NumericArray) =>
      readElements(file, { name: entry.name, start, into: into.subarray(0, out.length) });
    const before = await read(origin.file, base);
    for (const { file, paramsType, weight, site } of sources) {
      const sent = await read(file, values);
      differencesInto(differs, sent, paramsType === 'FULL' ? before : undefined);
      const wrong = toRing(differs, weight, own);
      if (wrong !== -1)
        throw flError(
          'NF_SECAGG_RANGE',
          { site, name: entry.name, index: start + wrong, value: String(differs[wrong]), range: RANGE },
          { place: { site } },
        );
      addWords(sum, own);
    }
    const result = mean.subarray(0, out.length);
    fromRing(sum, share, result);
    addTo(result, before, factor);
    if (!isFloat(entry))
      for (let index = 0; index < result.length; index++) result[index] = Math.round(result[index] ?? 0);
    out.set(result);
    const wrong = isFloat(entry)
      ? firstNotFinite(out)
      : out.findIndex((value, index) => value !== result[index]);
    if (wrong !== -1) throw await unusable(entry, parts, { index: start + wrong, value: result[wrong] });
  };
}

/** @throws NF_SECAGG_ARRAYS */
function requireAll({ name }: TensorEntry, { sources }: Parts, sites: readonly string[]): void {
  const without = sites.find((site) => !sources.some((source) => source.site === site));
  if (without !== undefined)
    throw flError('NF_SECAGG_ARRAYS', { site: without, name }, { place: { site: without } });
}

// Loops of their own: within a larger function the compiler makes them slower.

function differencesInto(out: Float64Array, sent: NumericArray, base: NumericArray | undefined): void {
  for (let index = 0; index < out.length; index++) out[index] = (sent[index] ?? 0) - (base?.[index] ?? 0);
}

function addTo(mean: Float64Array, base: NumericArray, factor: number): void {
  for (let index = 0; index < mean.length; index++)
    mean[index] = (base[index] ?? 0) + factor * (mean[index] ?? 0);
}
