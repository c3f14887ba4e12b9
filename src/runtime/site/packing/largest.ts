import { elementCount } from '../../base/tensors/nd-array.ts';
import { chosenOf } from '../../base/tensors/packed/form.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import type { Differences } from './differences.ts';

/** A number's size as float32, in 31 bits: in the order of sizes. */
const size = new Float32Array(1);
const bits = new Uint32Array(size.buffer);
const LOW_BITS = 15;
const LOW = 2 ** LOW_BITS - 1;

function sizeOf(value: number): number {
  size[0] = value;
  return (bits[0] ?? 0) & 0x7fff_ffff;
}

/** Says of one number after the other whether it travels. */
type Choice = (value: number) => boolean;

/**
 * The largest numbers of an array, of equal ones the first. Found by counting sizes twice, first their upper bits and then the lower, so
 * that no array lies in memory. Returns what begins a walk through the array.
 */
export async function largestOf(
  differences: Differences,
  entry: TensorEntry,
  ratio: number,
): Promise<() => Choice> {
  const upper = new Uint32Array(2 ** (31 - LOW_BITS));
  await differences.each(
    entry,
    ({ values }) => {
      for (const value of values) count(upper, sizeOf(value) >>> LOW_BITS);
    },
    'float32',
  );
  const high = topOf(upper, chosenOf(elementCount(entry.shape), ratio));
  const lower = new Uint32Array(LOW + 1);
  await differences.each(entry, ({ values }) => {
    for (const value of values) {
      const found = sizeOf(value);
      if (found >>> LOW_BITS === high.bin) count(lower, found & LOW);
    }
  });
  const low = topOf(lower, high.rest);
  const least = high.bin * (LOW + 1) + low.bin;
  return () => {
    let equal = low.rest;
    return (value) => {
      const found = sizeOf(value);
      if (found !== least) return found > least;
      equal -= 1;
      return equal >= 0;
    };
  };
}

function count(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}

/** The bin in which the last of so many lies, counted from the top, and how many of the bin are among them. */
function topOf(counts: Uint32Array, wanted: number): { bin: number; rest: number } {
  let rest = wanted;
  for (let bin = counts.length - 1; bin > 0; bin--) {
    const there = counts[bin] ?? 0;
    if (there >= rest) return { bin, rest };
    rest -= there;
  }
  return { bin: 0, rest };
}
