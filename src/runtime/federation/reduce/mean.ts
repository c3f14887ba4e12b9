import { flError } from '../../base/errors/errors.ts';
import { DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { firstNotFinite } from '../../base/tensors/not-finite.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import { readInto, type TensorFile } from '../../base/tensors/tensor-file.ts';
import type { Contribution } from './request.ts';

/** Elements added up at a time: 2 MB of float64 accumulator stay in the cache of common processors. */
export const SLICE_ELEMENTS = 1 << 18;

export interface Source extends Contribution {
  readonly file: TensorFile;
}

/** The received model, and the part of all weight that came as differences to it. */
interface Origin {
  readonly file: TensorFile;
  readonly share: number;
}

/** Fills `out` with the elements from `start` on; `out` may be wider than the array, so that nothing is rounded yet. */
export type SliceMaker = (start: number, out: NumericArray) => Promise<void>;

export interface Parts {
  readonly sources: readonly Source[];
  readonly origin: Origin;
}

/** The parts of one array's mean: sites may keep an array to themselves, and those that send it are the sources. */
export function partsOf(
  entry: TensorEntry,
  { base, sources }: { base: TensorFile; sources: readonly Source[] },
): Parts {
  const senders = sources.filter(({ file }) => file.entry(entry.name) !== undefined);
  return { sources: senders, origin: { file: base, share: shareOfDifferences(senders) } };
}

/**
 * Mean of the site models weighted by examples: FedAvg's server step (McMahan et al., "Communication-Efficient Learning
 * of Deep Networks from Decentralized Data", 2017, algorithm 1). Slice by slice, in site order, summed in float64, so
 * that the bits depend neither on arrival nor on the number of threads. Integer arrays are rounded to nearest. An array that a site
 * does not send is the mean of the others'; where none sends it, it is what it was.
 *
 * @throws NF_AGGREGATE_NOT_FINITE with the site whose update leaves no number to write
 */
export function meanOf(entry: TensorEntry, parts: Parts): SliceMaker {
  if (parts.sources.length === 0) return copyOf(entry, parts);
  const fill = sumOf(entry, parts);
  // Products with weights may leave the range of float64 where their mean does not.
  const shares = { ...parts, sources: asShares(parts.sources) };
  return async (start, out) => {
    let wrong = await fill(start, out);
    if (wrong !== -1 && entry.dtype === 'float64') wrong = await sumOf(entry, shares)(start, out);
    if (wrong !== -1) throw await unusable(entry, parts, { index: start + wrong, value: out[wrong] });
  };
}

/** As the array is in the base; `out` is of its type. */
export function copyOf({ name }: TensorEntry, { origin }: Parts): SliceMaker {
  return async (start, out) => {
    await readElements(origin.file, { name, start, into: out });
  };
}

function asShares(sources: readonly Source[]): Source[] {
  const total = totalWeight(sources);
  return sources.map((source) => ({ ...source, weight: source.weight / total }));
}

/** As a `SliceMaker`, and says at which of the elements the mean is no number of the array's type; -1 for none. */
function sumOf(
  entry: TensorEntry,
  { sources, origin }: Parts,
): (start: number, out: NumericArray) => Promise<number> {
  const total = totalWeight(sources);
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const sum = new Float64Array(longest);
  const scratch = [new DTYPES[entry.dtype](longest), new DTYPES[entry.dtype](longest)] as const;
  return async (start, out) => {
    const read = (file: TensorFile, turn: number) => {
      const into = scratch[turn % 2 === 0 ? 0 : 1].subarray(0, out.length);
      return readElements(file, { name: entry.name, start, into });
    };
    sum.fill(0, 0, out.length);
    let coming = sources[0] && read(sources[0].file, 0);
    for (const [turn, { weight }] of sources.entries()) {
      const values = await coming;
      const next = sources[turn + 1];
      // Read while this one is added.
      coming = next && read(next.file, turn + 1);
      if (values) addScaled(sum, values, weight);
    }
    const base = origin.share > 0 ? await read(origin.file, 0) : undefined;
    const parts = { sum, total, base, share: origin.share };
    return isFloat(entry) ? floatsInto(out, parts) : integersInto(out, parts);
  };
}

/** What a slice of the mean is made of. */
interface Summed {
  /** Of the weighted updates. */
  readonly sum: Float64Array;
  readonly total: number;
  readonly base: NumericArray | undefined;
  /** What of the base is added. */
  readonly share: number;
}

/** Fills `out` and returns where it holds no number, or -1. */
function floatsInto(out: NumericArray, { sum, total, base, share }: Summed): number {
  const reach = out instanceof Float32Array ? FLOAT32_REACH : 1;
  const nothing = base
    ? divideAndAdd({ out, sum, base }, { divisor: total, share, reach })
    : divideInto(out, sum, { divisor: total, reach });
  return nothing === 0 ? -1 : firstNotFinite(out);
}

/** As `floatsInto`, rounded to nearest: integers are taken modulo their range, and what is outside would be another number. */
function integersInto(out: NumericArray, { sum, total, base, share }: Summed): number {
  const mean = sum.subarray(0, out.length);
  divideInto(mean, sum, { divisor: total, reach: 1 });
  if (base) addScaled(mean, base, share);
  for (let index = 0; index < mean.length; index++) mean[index] = Math.round(mean[index] ?? 0);
  out.set(mean);
  return out.findIndex((value, index) => value !== mean[index]);
}

// Loops of their own: within a larger function the compiler makes them three times slower.

function addScaled(sum: Float64Array, values: NumericArray, weight: number): void {
  for (let index = 0; index < values.length; index++)
    sum[index] = (sum[index] ?? 0) + weight * (values[index] ?? 0);
}

/** A number that float32 rounds to Infinity is Infinity in float64, too, when multiplied by this; so are some that it can hold. */
const FLOAT32_REACH = 2 ** 897;

// Both return 0 if all that they wrote is finite when multiplied by `reach`, else NaN: beside the division that costs next to nothing, while
// a pass of its own over the result took as long as the division.

function divideInto(
  out: NumericArray,
  sum: Float64Array,
  { divisor, reach }: { divisor: number; reach: number },
): number {
  let nothing = 0;
  for (let index = 0; index < out.length; index++) {
    const mean = (sum[index] ?? 0) / divisor;
    out[index] = mean;
    nothing += 0 * (mean * reach);
  }
  return nothing;
}

function divideAndAdd(
  { out, sum, base }: { out: NumericArray; sum: Float64Array; base: NumericArray },
  { divisor, share, reach }: { divisor: number; share: number; reach: number },
): number {
  let nothing = 0;
  for (let index = 0; index < out.length; index++) {
    const mean = (sum[index] ?? 0) / divisor + share * (base[index] ?? 0);
    out[index] = mean;
    nothing += 0 * (mean * reach);
  }
  return nothing;
}

/** Where the model of no site alone is out of range, nothing made of them is: so it is the site whose own is the furthest. */
export async function unusable(
  entry: TensorEntry,
  { sources, origin }: Parts,
  { index, value }: { index: number; value: number | undefined },
) {
  const read = async (file: TensorFile) => {
    const into = new DTYPES[entry.dtype](1);
    return (await readElements(file, { name: entry.name, start: index, into }))[0] ?? 0;
  };
  const base = await read(origin.file);
  let furthest = { site: '', size: -1 };
  for (const { site, file, paramsType } of sources) {
    const size = Math.abs((paramsType === 'DIFF' ? base : 0) + (await read(file)));
    if (size > furthest.size) furthest = { site, size };
  }
  const { site } = furthest;
  const params = { site, name: entry.name, index, value: String(value) };
  return flError('NF_AGGREGATE_NOT_FINITE', params, { place: { site } });
}

/** Fills `into` with the elements of an array from `start` on. */
export async function readElements(
  file: TensorFile,
  { name, start, into }: { name: string; start: number; into: NumericArray },
): Promise<NumericArray> {
  const entry = file.entry(name);
  if (!entry) throw new Error(`${file.path} has no array '${name}'.`);
  await readInto(file, entry, { start, values: into });
  return into;
}

/** Exactly 1 where every update is a difference. */
function shareOfDifferences(contributions: readonly Contribution[]): number {
  const differences = contributions.filter(({ paramsType }) => paramsType === 'DIFF');
  return totalWeight(differences) / totalWeight(contributions);
}

function totalWeight(counted: readonly { readonly weight: number }[]): number {
  return counted.reduce((sum, { weight }) => sum + weight, 0);
}
