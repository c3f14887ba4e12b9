import { createRandom } from '../../base/random.ts';
import type { NumericArray } from '../../base/tensors/nd-array.ts';
import { toFloat16 } from '../../base/tensors/packed/float16.ts';
import type { TensorEntry } from '../../base/tensors/safetensors.ts';
import type { PackingSpec } from '../../job/result-filters.ts';
import type { Differences } from './differences.ts';

type ScaledSpec = Extract<PackingSpec, { name: 'float16' | 'int8' }>;

/** Power of two to which the largest number of an array is brought: far from the largest that 16 bits hold, 65504. */
const TOP = 15;
const MOST = 127;

/** What the numbers of an array are divided by before they are rounded; 0 where all of them are. */
export async function scaleOf(
  differences: Differences,
  entry: TensorEntry,
  { name }: ScaledSpec,
): Promise<number> {
  let most = 0;
  await differences.each(entry, ({ values }) => {
    for (const value of values) most = Math.max(most, Math.abs(value));
  });
  if (name === 'int8') return most / MOST;
  return most === 0 ? 0 : 2 ** (Math.ceil(Math.log2(most)) - TOP);
}

/**
 * Rounds the numbers of an array to 16 bits, or to whole multiples of its scale. stochastic: up or down by chance, so that the mean is the
 * number itself (QSGD: Alistarh et al. 2017); chance follows from the seed of the task.
 */
export function roundingOf(
  spec: ScaledSpec,
  scale: number,
  of: readonly (string | number)[],
): (values: Float64Array, out: NumericArray) => void {
  if (scale === 0) return (_, out) => void out.fill(0);
  if (spec.name === 'float16')
    return (values, out) => {
      for (let index = 0; index < out.length; index++) out[index] = toFloat16((values[index] ?? 0) / scale);
    };
  const random = createRandom('int8', ...of);
  const round =
    spec.rounding === 'nearest' ? Math.round : (value: number) => Math.floor(value + random.next());
  return (values, out) => {
    for (let index = 0; index < out.length; index++)
      out[index] = Math.max(-MOST, Math.min(MOST, round((values[index] ?? 0) / scale)));
  };
}
