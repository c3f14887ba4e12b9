import { flError } from '../../base/errors/errors.ts';
import { DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { firstNotFinite } from '../../base/tensors/not-finite.ts';
import { inFileOrder, type TensorEntry, type TensorLayout } from '../../base/tensors/safetensors.ts';
import { applyMasks, type Mask } from '../../masking/mask-stream.ts';
import { addWords, fromRing, RANGE, toRing } from '../../masking/ring.ts';
import { copyOf, type Parts, readElements, SLICE_ELEMENTS, type SliceMaker, unusable } from './mean.ts';

/** How sums in the ring are made. */
export interface RingSum {
  /** Sites whose updates are in the sum. */
  readonly sites: readonly string[];
  /** What the mean of their differences is multiplied by. */
  readonly factor: number;
  /** Of sources that are masked words. */
  readonly masks?: readonly { readonly key: string; readonly sign: 1 | -1 }[];
  readonly start?: number;
}

/**
 * Slices of the base and, added to it, the mean of the sites' differences as secure aggregation makes it: each times its site's share of
 * all weight and rounded to the grid, added as whole numbers, divided by the shares of those that are in the sum. Masks add nothing to such a sum,
 * so it is the same with them and without. Integers are rounded to nearest. An array that no site sends is what it was.
 * @param parts with shares in place of weights
 * @throws NF_SECAGG_RANGE, NF_SECAGG_ARRAYS with the site
 */
export function ringSum(entry: TensorEntry, parts: Parts, ring: RingSum): SliceMaker {
  const { sources, origin } = parts;
  const { sites, factor } = ring;
  if (sources.length === 0) return copyOf(entry, parts);
  requireAll(entry, parts, sites);
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const base = new DTYPES[entry.dtype](longest);
  const [total, mean] = [new Int32Array(longest), new Float64Array(longest)];
  const share = sources.reduce((sum, { weight }) => sum + weight, 0);
  const add = ring.masks ? maskedAdder(entry, parts, ring) : plainAdder(entry, parts, longest);
  return async (start, out) => {
    const sum = total.subarray(0, out.length);
    sum.fill(0);
    const into = base.subarray(0, out.length);
    const before = await readElements(origin.file, { name: entry.name, start, into });
    await add(start, sum, before);
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

/** Adds the words of all sources from `start` on. @param before the base there */
type Adder = (start: number, sum: Int32Array, before: NumericArray) => Promise<void>;

/** Of updates: each comes on the grid here. @throws NF_SECAGG_RANGE */
function plainAdder(entry: TensorEntry, { sources }: Parts, longest: number): Adder {
  const values = new DTYPES[entry.dtype](longest);
  const [words, difference] = [new Int32Array(longest), new Float64Array(longest)];
  return async (start, sum, before) => {
    const [own, differs] = [words.subarray(0, sum.length), difference.subarray(0, sum.length)];
    for (const { file, paramsType, weight, site } of sources) {
      const into = values.subarray(0, sum.length);
      const sent = await readElements(file, { name: entry.name, start, into });
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
  };
}

/** Of words with masks on them: what is left of these comes off the sum. */
function maskedAdder(
  { name }: TensorEntry,
  { sources }: Parts,
  { masks = [], start: first = 0 }: RingSum,
): Adder {
  const off: Mask[] = masks.map(({ key, sign }) => ({ key: new Uint8Array(Buffer.from(key, 'hex')), sign }));
  const before = wordsBefore(name, sources[0]?.file.layout ?? []);
  let words = new Int32Array(0);
  return async (start, sum) => {
    if (words.length < sum.length) words = new Int32Array(sum.length);
    const own = words.subarray(0, sum.length);
    for (const { file } of sources) {
      await readElements(file, { name, start, into: own });
      addWords(sum, own);
    }
    applyMasks(sum, first + before + start, off);
  };
}

/** Numbers of the arrays that stand before one in its file. */
function wordsBefore(name: string, layout: TensorLayout): number {
  let words = 0;
  for (const entry of inFileOrder(layout)) {
    if (entry.name === name) return words;
    words += elementCount(entry.shape);
  }
  return words;
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
