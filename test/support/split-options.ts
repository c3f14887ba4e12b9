import { join } from 'node:path';
import type { SplitOptions } from '../../src/preprocess/split/run-split.ts';

/** A split of `root/bids` into two alike sites, unless more is said. */
export function splitOptions(root: string, more: Partial<SplitOptions> = {}): SplitOptions {
  return {
    bidsRoot: join(root, 'bids'),
    strategy: 'iid',
    sites: 2,
    siteColumn: 'site',
    alpha: '0.5',
    validation: '0.2',
    test: '0.2',
    seed: 0,
    out: join(root, 'split.json'),
    existing: undefined,
    materialize: undefined,
    ...more,
  };
}
