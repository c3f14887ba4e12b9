import { expect, it } from 'vitest';
import { renderBids } from '../../../src/output/bids-summary.ts';
import type { BidsSummary } from '../../../src/preprocess/bids/summary.ts';

const made = (target: string | null): BidsSummary => ({
  target,
  images: 2,
  kept: 2,
  classes: { glioma: { images: 1, kept: 1 }, none: { images: 1, kept: 1 } },
  set_aside: { duplicate: 0, label_conflict: 0 },
  label_conflicts: [],
  bad: [],
  groups: { threshold: 0.9, cap: 48, count: 2, largest: 1, sizes: { 1: 2 }, cut_links: 0 },
  mirrored: [],
  converted: { colour: 0, sixteen_bit: 0, rotated: 0, head_not_found: 0, head_doubtful: 0 },
  resumed: 0,
  patients_named: 2,
  masks: 2,
});

it('a dry run counts lesion masks, and does not say that they were written', () => {
  expect(renderBids(made('bids')).split('\n')).toContain('2 lesion masks written');
  expect(renderBids(made(null)).split('\n').slice(-2)).toEqual([
    '2 lesion masks',
    'Nothing was written (--dry-run).',
  ]);
});
