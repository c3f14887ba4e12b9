import { numberAt } from '../../runtime/base/at.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Group } from './cohort.ts';

/** Where groups are dealt to, and how much of the class at hand each place should get. */
export interface Bin {
  /** Share of the class, 0 to 1; all bins together 1. */
  readonly share: number;
  /** Break ties, the first before the second and so on: what the bin lacks so far, counted over more than this deal. */
  readonly lacks: number[];
  readonly groups: Group[];
}

/**
 * Deals the groups of one class to bins so that image counts come near the shares: large groups first (equal ones in random order), each to the
 * bin that lacks most. Whole groups only.
 */
export function deal(groups: readonly Group[], bins: readonly Bin[], random: Random): void {
  const total = groups.reduce((sum, group) => sum + group.members.length, 0);
  const wanted = bins.map((bin) => bin.share * total);
  const order = random.shuffle([...groups]).sort((a, b) => b.members.length - a.members.length);
  for (const bin of bins) addTo(bin.lacks, bin.share * total);
  for (const group of order) {
    const best = mostLacking(bins, wanted);
    const bin = bins[best];
    if (!bin) continue;
    bin.groups.push(group);
    addTo(bin.lacks, -group.members.length);
    wanted[best] = numberAt(wanted, best) - group.members.length;
  }
}

function addTo(lacks: number[], amount: number): void {
  for (const [at, lack] of lacks.entries()) lacks[at] = lack + amount;
}

/** A bin without a share is never chosen. */
function mostLacking(bins: readonly Bin[], wanted: readonly number[]): number {
  let best = -1;
  for (const [at, bin] of bins.entries()) {
    if (bin.share <= 0) continue;
    const other = bins[best];
    if (!other || lacksMore([numberAt(wanted, at), ...bin.lacks], [numberAt(wanted, best), ...other.lacks]))
      best = at;
  }
  return best;
}

/** The first pair that differs decides. */
function lacksMore(one: readonly number[], other: readonly number[]): boolean {
  const gaps = one.map((value, at) => value - numberAt(other, at));
  return (gaps.find((gap) => Math.abs(gap) > ROUNDING) ?? 0) > 0;
}

const ROUNDING = 1e-9;

/** Shares drawn from a symmetric Dirichlet distribution; a draw that underflows gives all to one. */
export function dirichletShares(count: number, alpha: number, random: Random): number[] {
  const draws = Array.from({ length: count }, () => random.gamma(alpha));
  const sum = draws.reduce((total, draw) => total + draw, 0);
  if (sum > 0) return draws.map((draw) => draw / sum);
  const one = random.int(count);
  return draws.map((_, at) => (at === one ? 1 : 0));
}
