/**
 * How images are dealt to sites, always by whole groups:
 * - iid: each site gets the same mix of classes and as many images;
 * - dirichlet: shares of each class, or of each value of another column, are drawn from Dirichlet(alpha) (Hsu et al. 2019);
 * - shards: each site gets some classes alone, in shards of like size (McMahan et al. 2017);
 * - quantity: the sites' sizes are drawn from Dirichlet(alpha), the mix of classes is alike (Li et al. 2022);
 * - column: a column of participants.tsv names the site.
 */
export const STRATEGIES = ['iid', 'dirichlet', 'shards', 'quantity', 'column'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** Keys of a rule that have a meaning in some strategies alone. */
export const STRATEGIES_OF = {
  alpha: ['dirichlet', 'quantity'],
  shards_per_site: ['shards'],
  skew_column: ['dirichlet', 'shards'],
  site_column: ['column'],
} as const satisfies Record<string, readonly Strategy[]>;
export type StrategyKey = keyof typeof STRATEGIES_OF;
export const STRATEGY_KEYS = Object.keys(STRATEGIES_OF) as StrategyKey[];

export function isOfStrategy(key: StrategyKey, strategy: Strategy): boolean {
  const strategies: readonly Strategy[] = STRATEGIES_OF[key];
  return strategies.includes(strategy);
}

export const USUAL = { sites: 3, alpha: 0.5, shards_per_site: 2, site_column: 'site' } as const;
export const ALPHA = { least: 0.001, below: 1e6 };
