import { sum } from '../base/sum.ts';

/**
 * Counts of people as they may be told: those below `least` become null, nobody among them, for where nobody is tells where the others are: the
 * oldest in the last step of a histogram that is hidden, a person of a name that a job asks for. So do further ones, the smallest first, until the
 * hidden ones are no less than that together: else the difference to `total` would tell one.
 * @param counts null: hidden already
 * @param total of all, hidden and told
 */
export function withholdCounts(
  counts: readonly (number | null)[],
  { total, least }: { readonly total: number; readonly least: number },
): (number | null)[] {
  const told = counts.map((count) => (count !== null && count < least ? null : count));
  for (;;) {
    const hidden = total - sum(told.map((count) => count ?? 0));
    const shown = told.filter((count) => count !== null);
    if (hidden <= 0 || hidden >= least || shown.length === 0) return told;
    told[told.indexOf(Math.min(...shown))] = null;
  }
}
