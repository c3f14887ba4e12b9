import { flError } from '../errors/errors.ts';
import type { NumericArray } from './nd-array.ts';

/**
 * Index of the first value that is not finite, or -1. The sum of zero times the values is NaN if one of them is not; only then
 * is it looked for: a tenth of the time of a test of each.
 */
export function firstNotFinite(values: NumericArray): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += 0 * (values[index] ?? 0);
  return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/** @param start place in the array from which on its values are given @throws NF_TENSORS_NOT_FINITE with the place of the first */
export function requireFinite(name: string, values: NumericArray, start = 0): void {
  const index = firstNotFinite(values);
  if (index === -1) return;
  throw flError('NF_TENSORS_NOT_FINITE', { name, index: start + index, value: String(values[index]) });
}
