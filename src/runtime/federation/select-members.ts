import { createRandom } from '../base/random.ts';
import { compareSites } from '../base/site-order.ts';

export interface Selection {
  /** Results that make a round; undefined asks every site. */
  readonly clientsPerRound: number | undefined;
  /** Factor of sites asked beyond that, for those that drop out (Bonawitz et al. 2019 ask 1.3 times as many). */
  readonly overSelection: number;
  readonly mandatory: readonly string[];
}

/**
 * Who takes part in a round: all sites that are there, or a draw of them that follows from `seed` parts alone, mandatory
 * sites first. In site order.
 */
export function selectMembers(
  present: readonly string[],
  { clientsPerRound, overSelection, mandatory }: Selection,
  seed: readonly (string | number)[],
): string[] {
  const sorted = [...present].sort(compareSites);
  if (clientsPerRound === undefined) return sorted;
  const size = Math.min(sorted.length, Math.ceil(clientsPerRound * overSelection));
  const chosen = sorted.filter((site) => mandatory.includes(site));
  const others = createRandom('members', ...seed).shuffle(sorted.filter((site) => !mandatory.includes(site)));
  return [...chosen, ...others.slice(0, Math.max(0, size - chosen.length))].sort(compareSites);
}
