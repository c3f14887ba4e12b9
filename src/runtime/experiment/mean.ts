import { sum } from '../base/sum.ts';

/** Null if one is: it would be a mean of fewer. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 || known.length < values.length ? null : sum(known) / known.length;
}
