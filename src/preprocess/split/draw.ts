import { numberAt } from '../../runtime/base/at.ts';
import { createRandom } from '../../runtime/base/random.ts';
import type { Group } from './cohort.ts';
import { type Bin, deal, dirichletShares } from './deal.ts';
import type { SplitRule } from './manifest.ts';
import { dealShards } from './shards.ts';
import type { Skew } from './skew.ts';
import { USUAL } from './strategy.ts';

export interface Draw {
  readonly groups: readonly Group[];
  /** Sorted. */
  readonly labels: readonly string[];
  readonly rule: SplitRule;
  readonly skew: Skew;
  /** Of sites. */
  readonly count: number;
  readonly seed: number;
  /** Each attempt draws anew. */
  readonly attempt: number;
}

/** One way to deal groups to sites by the rule, which may leave a site with too little. @throws NF_SPLIT_SHARDS */
export function dealOnce(draw: Draw): Bin[] {
  const { groups, labels, skew, rule, count, seed, attempt } = draw;
  const bins = Array.from({ length: count }, (): Bin => ({ share: 1 / count, lacks: [0], groups: [] }));
  const sharesOf = sharing(draw);
  const ofValue = Map.groupBy(groups, skew.valueOf);
  for (const value of skew.values) {
    const random = createRandom(seed, 'sites', attempt, value);
    const shares = sharesOf(value, random);
    const ofValueAndClass = Map.groupBy(ofValue.get(value) ?? [], ({ label }) => label);
    // Within a value of a column the classes are dealt one by one, so that sites differ in nothing but the column.
    for (const label of labels) {
      const ofClass = ofValueAndClass.get(label) ?? [];
      const wanted = rule.strategy === 'quantity' ? carryOver(ofClass, shares, bins) : shares;
      const binsOfClass = bins.map((bin, at): Bin => ({ ...bin, share: numberAt(wanted, at) }));
      deal(ofClass, binsOfClass, random);
    }
  }
  return bins;
}

type Sharing = (value: string, random: ReturnType<typeof createRandom>) => readonly number[];

/** Shares of one value's images that each site should get. */
function sharing({ rule, skew, groups, count, seed, attempt }: Draw): Sharing {
  const even = new Array<number>(count).fill(1 / count);
  const alpha = rule.alpha ?? USUAL.alpha;
  switch (rule.strategy) {
    case 'dirichlet':
      return (_, random) => dirichletShares(count, alpha, random);
    case 'quantity': {
      const sizes = dirichletShares(count, alpha, createRandom(seed, 'sizes', attempt));
      return () => sizes;
    }
    case 'shards': {
      const random = createRandom(seed, 'shards', attempt);
      const each = rule.shards_per_site ?? USUAL.shards_per_site;
      const shards = dealShards(groups, skew, { sites: count, each, random });
      return (value) => shards.get(value) ?? even;
    }
    default:
      return () => even;
  }
}

/** What whole groups left a small site short of in the classes before is added to its share of this one, so that its size comes out. */
function carryOver(groups: readonly Group[], shares: readonly number[], bins: readonly Bin[]): number[] {
  const total = groups.reduce((sum, group) => sum + group.members.length, 0);
  if (total === 0) return [...shares];
  return shares.map((share, at) => {
    const [carried = 0] = bins[at]?.lacks.splice(0, 1, 0) ?? [];
    return share + carried / total;
  });
}
