import { flError } from '../../base/errors/errors.ts';
import { DTYPES, type NumericArray } from '../../base/tensors/nd-array.ts';
import type { TensorEntry, TensorLayout } from '../../base/tensors/safetensors.ts';
import { readInto, type TensorFile } from '../../base/tensors/tensor-file.ts';
import { eachSlice } from '../filters/write-tensors.ts';

/** Where the differences of an update come from. */
export interface Sources {
  readonly update: TensorFile;
  /** What the site received, where the update is a whole model. */
  readonly base: TensorFile | undefined;
  /** What did not travel before, by the names of the update's arrays. */
  readonly remains: ReadonlyMap<string, { readonly file: TensorFile; readonly entry: TensorEntry }>;
}

/** Part of one array: its differences from `start` on, in float64. The values are overwritten by the next slice. */
export interface Difference {
  readonly start: number;
  readonly values: Float64Array;
}

/** The differences of an update to what its site received, with what did not travel before. */
export class Differences {
  readonly layout: TensorLayout;
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.layout = sources.update.layout;
    this.#sources = sources;
  }

  /**
   * Walks through an array of floats.
   * @throws NF_TENSORS_NOT_FINITE of a difference that its dtype, or float32, does not hold
   */
  async each(
    entry: TensorEntry,
    look: (difference: Difference) => Promise<void> | void,
    dtype: 'float32' | 'float64' = entry.dtype === 'float64' ? 'float64' : 'float32',
  ): Promise<void> {
    const { update, base, remains } = this.#sources;
    const before = base?.entry(entry.name);
    const left = remains.get(entry.name);
    let sums = new Float64Array(0);
    await eachSlice(update, [entry], async ({ start, values }) => {
      if (sums.length < values.length) sums = new Float64Array(values.length);
      const found = sums.subarray(0, values.length);
      found.set(values);
      const other: NumericArray = new DTYPES[entry.dtype](values.length);
      if (base && before) {
        await readInto(base, before, { start, values: other });
        addTo(found, other, -1);
      }
      if (left) {
        await readInto(left.file, left.entry, { start, values: other });
        addTo(found, other, 1);
      }
      requireHeld(found, dtype, { name: entry.name, start });
      await look({ start, values: found });
    });
  }

  /** Walks through an array of integers; `values` are of its type. @throws of a difference that it does not hold */
  async eachInteger(entry: TensorEntry, look: (values: NumericArray) => Promise<void> | void): Promise<void> {
    const { update, base } = this.#sources;
    const before = base?.entry(entry.name);
    await eachSlice(update, [entry], async ({ start, values }) => {
      if (base && before) {
        const other: NumericArray = new DTYPES[entry.dtype](values.length);
        await readInto(base, before, { start, values: other });
        subtract(values, other, { name: entry.name, dtype: entry.dtype, start });
      }
      await look(values);
    });
  }
}

function addTo(sums: Float64Array, values: NumericArray, factor: number): void {
  for (let index = 0; index < sums.length; index++)
    sums[index] = (sums[index] ?? 0) + factor * (values[index] ?? 0);
}

function requireHeld(
  values: Float64Array,
  dtype: 'float32' | 'float64',
  { name, start }: { name: string; start: number },
): void {
  const isHeld = (value: number) => Number.isFinite(dtype === 'float32' ? Math.fround(value) : value);
  const index = values.findIndex((value) => !isHeld(value));
  if (index === -1) return;
  throw flError('NF_TENSORS_NOT_FINITE', { name, index: start + index, value: String(values[index]) });
}

function subtract(
  values: NumericArray,
  before: NumericArray,
  { name, dtype, start }: { name: string; dtype: string; start: number },
): void {
  for (let index = 0; index < values.length; index++) {
    const wanted = (values[index] ?? 0) - (before[index] ?? 0);
    values[index] = wanted;
    if (values[index] !== wanted)
      throw new Error(
        `'${name}' of ${dtype} differs by ${wanted} at index ${start + index}, which ${dtype} does not hold`,
      );
  }
}
