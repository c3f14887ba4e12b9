import { join } from 'node:path';
import type { ConvertOptions } from '../../src/preprocess/bids/convert.ts';

/** A conversion of `root/source` to `root/bids`, unless more is said. */
export function convertOptions(root: string, more: Partial<ConvertOptions> = {}): ConvertOptions {
  return {
    source: join(root, 'source'),
    target: join(root, 'bids'),
    labelMap: undefined,
    processing: { size: undefined, headMask: false },
    deface: false,
    rule: { threshold: 0.9, cap: 48 },
    name: 'test',
    license: 'CC0',
    authors: [],
    jobs: 3,
    skipBad: false,
    dryRun: false,
    ...more,
  };
}
