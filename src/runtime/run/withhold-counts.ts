import { sum } from '../base/sum.ts';

/**
 * Counts of people as they may be told: those from 1 to below `least` become null, and so do further ones, the smallest first, until the hidden
 * ones are no less than that together: else the difference to `total` would tell one.
 * @param counts null: hidden already
 * @param total of all, hidden and told
 */
export function withholdCounts(
  counts: readonly (number | null)[],
  { total, least }: { readonly total: number; readonly least: number },
): (number | null)[] {
  const told = counts.map((count) => (count !== null && count > 0 && count < least ? null : count));
  for (;;) {
    const hidden = total - sum(told.map((count) => count ?? 0));
    const shown = told.filter((count) => count !== null && count > 0);
    if (hidden <= 0 || hidden >= least || shown.length === 0) return told;
    told[told.indexOf(Math.min(...shown.map((count) => count ?? 0)))] = null;
  }
}
