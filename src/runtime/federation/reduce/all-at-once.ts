import { flError } from '../../base/errors/errors.ts';
import { DTYPES, elementCount, type NumericArray } from '../../base/tensors/nd-array.ts';
import { firstNotFinite } from '../../base/tensors/not-finite.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import { copyOf, type Parts, readElements, SLICE_ELEMENTS, type SliceMaker, unusable } from './mean.ts';

/** Numbers of all sites together that are held at a time: 32 MB, however many sites there are. */
const HELD_ELEMENTS = 1 << 22;

/** What becomes of the values that sites have of some numbers; `out` is as long as each of them. */
type Combine = (values: readonly Float64Array[], out: Float64Array) => void;

export interface Combining {
  readonly combine: Combine;
  /** Values without which it is not what it says. */
  readonly least: number;
}

/**
 * Slices of what all sites' values of an array come to at once; differences are added to what the sites received. Integers are rounded
 * to nearest. An array that no site sends is what it was.
 *
 * @throws NF_AGGREGATE_TOO_FEW where some sites keep the array to themselves, and too few send it
 */
export function allAtOnce(entry: TensorEntry, parts: Parts, { combine, least }: Combining): SliceMaker {
  const { sources, origin } = parts;
  if (sources.length === 0) return copyOf(entry, parts);
  if (sources.length < least) {
    const sites = sources.map(({ site }) => site).join(', ');
    throw flError('NF_AGGREGATE_TOO_FEW', { what: `'${entry.name}'`, sites, least });
  }
  const longest = Math.min(slicedFor(sources.length), elementCount(entry.shape));
  const scratch = [new DTYPES[entry.dtype](longest), new DTYPES[entry.dtype](longest)] as const;
  const held = sources.map(() => new Float64Array(longest));
  const made = new Float64Array(longest);
  const isFloat = entry.dtype.startsWith('float');
  const areDifferences = sources.some(({ paramsType }) => paramsType === 'DIFF');

  async function fill(start: number, out: NumericArray): Promise<void> {
    const read = (file: Parts['origin']['file'], into: NumericArray) =>
      readElements(file, { name: entry.name, start, into: into.subarray(0, out.length) });
    const base = areDifferences ? await read(origin.file, scratch[0]) : undefined;
    const values = held.map((one) => one.subarray(0, out.length));
    for (const [at, { file, paramsType }] of sources.entries()) {
      const sent = await read(file, scratch[1]);
      values[at]?.set(sent);
      if (paramsType === 'DIFF' && base) addTo(values[at], base);
    }
    const result = made.subarray(0, out.length);
    combine(values, result);
    if (!isFloat)
      for (let index = 0; index < result.length; index++) result[index] = Math.round(result[index] ?? 0);
    out.set(result);
    const wrong = isFloat ? firstNotFinite(out) : out.findIndex((value, index) => value !== result[index]);
    if (wrong !== -1) throw await unusable(entry, parts, { index: start + wrong, value: result[wrong] });
  }

  return async (start, out) => {
    for (let at = 0; at < out.length; at += longest)
      await fill(start + at, out.subarray(at, Math.min(at + longest, out.length)));
  };
}

/** Elements of an array that are held of each site. */
export function slicedFor(sites: number): number {
  return Math.max(1, Math.min(SLICE_ELEMENTS, Math.floor(HELD_ELEMENTS / sites)));
}

function addTo(values: Float64Array | undefined, base: NumericArray): void {
  if (!values) return;
  for (let index = 0; index < values.length; index++)
    values[index] = (values[index] ?? 0) + (base[index] ?? 0);
}
