import type { FileHandle } from 'node:fs/promises';
import { DTYPES, type DType, elementCount, type NumericArray } from '../../tensors/nd-array.ts';
import { planSafetensors, type TensorEntry } from '../../tensors/safetensors.ts';
import { openTensorFile, type TensorFile } from '../../tensors/tensor-file.ts';
import { writeAtomic } from '../../workspace/files.ts';
import type { AggregationRequest } from '../aggregator.ts';

/** Elements added up at a time: 2 MB of float64 accumulator stay in the cache of common processors. */
const SLICE_ELEMENTS = 1 << 18;

interface Source {
  readonly file: TensorFile;
  readonly weight: number;
}

/** The received model, and the part of all weight that came as differences to it. */
interface Origin {
  readonly file: TensorFile;
  readonly share: number;
}

/**
 * Mean of the site models weighted by examples: FedAvg's server step (McMahan et al., "Communication-Efficient Learning
 * of Deep Networks from Decentralized Data", 2017, algorithm 1). Slice by slice, in site order, summed in float64, so
 * that the bits depend neither on arrival nor on the number of threads. Integer arrays are rounded to nearest.
 */
export async function weightedMean(request: AggregationRequest): Promise<void> {
  const files = await openAll([request.base, ...request.contributions.map(({ path }) => path)]);
  try {
    const [base, ...updates] = files;
    if (!base) return;
    const sources = updates.map((file, index) => ({
      file,
      weight: request.contributions[index]?.weight ?? 0,
    }));
    const origin = { file: base, share: shareOfDifferences(request) };
    const { header, layout } = planSafetensors(base.layout);
    await writeAtomic(request.target, async (target) => {
      await writeAll(target, header, 0);
      for (const entry of layout) {
        await writeSlices(target, entry, meanOf(entry, { sources, origin }));
      }
    });
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Fills `out` with the elements from `start` on. */
type SliceMaker = (start: number, out: NumericArray) => Promise<void>;

function meanOf(
  entry: TensorEntry,
  { sources, origin }: { sources: readonly Source[]; origin: Origin },
): SliceMaker {
  const total = sources.reduce((sum, { weight }) => sum + weight, 0);
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const sum = new Float64Array(longest);
  const scratch = new DTYPES[entry.dtype](longest);
  const isInteger = !entry.dtype.startsWith('float');
  return async (start, out) => {
    sum.fill(0, 0, out.length);
    for (const { file, weight } of sources) {
      addScaled(
        sum,
        await readElements(file, { name: entry.name, start, into: scratch.subarray(0, out.length) }),
        weight,
      );
    }
    const base =
      origin.share > 0 &&
      (await readElements(origin.file, { name: entry.name, start, into: scratch.subarray(0, out.length) }));
    for (let index = 0; index < out.length; index++) {
      const value = (sum[index] ?? 0) / total + (base ? origin.share * (base[index] ?? 0) : 0);
      out[index] = isInteger ? Math.round(value) : value;
    }
  };
}

async function writeSlices(target: FileHandle, entry: TensorEntry, fill: SliceMaker): Promise<void> {
  const elements = elementCount(entry.shape);
  const buffer = new DTYPES[entry.dtype](Math.min(SLICE_ELEMENTS, elements));
  for (let start = 0; start < elements; start += SLICE_ELEMENTS) {
    const out = buffer.subarray(0, Math.min(SLICE_ELEMENTS, elements - start));
    await fill(start, out);
    await writeAll(target, bytesOf(out), entry.offset + start * width(entry.dtype));
  }
}

/** A full disk may take a part of the bytes before it refuses the rest. */
async function writeAll(target: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await target.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

function addScaled(sum: Float64Array, values: NumericArray, weight: number): void {
  for (let index = 0; index < values.length; index++)
    sum[index] = (sum[index] ?? 0) + weight * (values[index] ?? 0);
}

async function readElements(
  file: TensorFile,
  { name, start, into }: { name: string; start: number; into: NumericArray },
): Promise<NumericArray> {
  const entry = file.layout.find((candidate) => candidate.name === name);
  if (!entry) throw new Error(`${file.path} has no array '${name}'.`);
  await file.readSlice(entry, start * width(entry.dtype), bytesOf(into));
  return into;
}

/** Exactly 1 where every update is a difference. */
function shareOfDifferences({ contributions }: AggregationRequest): number {
  const total = (counted: AggregationRequest['contributions']) =>
    counted.reduce((sum, { weight }) => sum + weight, 0);
  return total(contributions.filter(({ paramsType }) => paramsType === 'DIFF')) / total(contributions);
}

async function openAll(paths: readonly string[]): Promise<TensorFile[]> {
  const opened: TensorFile[] = [];
  try {
    for (const path of paths) opened.push(await openTensorFile(path));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((file) => file.close()));
    throw error;
  }
}

function width(dtype: DType): number {
  return DTYPES[dtype].BYTES_PER_ELEMENT;
}

function bytesOf(array: NumericArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
