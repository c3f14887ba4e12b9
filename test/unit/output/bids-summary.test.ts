import { expect, it } from 'vitest';
import { renderBids } from '../../../src/output/bids-summary.ts';
import type { BidsSummary } from '../../../src/preprocess/bids/summary.ts';

const made = (target: string | null, more: Partial<BidsSummary> = {}): BidsSummary => ({
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
  masks_missing: [],
  alike_labels: [],
  sites: [],
  images_of_each: ['T1w'],
  faces: {},
  ...more,
});

it('a dry run counts lesion masks, and does not say that they were written', () => {
  expect(renderBids(made('bids')).split('\n')).toContain('2 lesion masks written');
  expect(renderBids(made(null)).split('\n').slice(-2)).toEqual([
    '2 lesion masks',
    'Nothing was written (--dry-run).',
  ]);
});

it.each([
  ['T1w of one place', {}, 'check bids; neuroflare preprocess split bids'],
  ['pictures', { images_of_each: [] }, 'check bids; neuroflare preprocess split bids'],
  [
    'several sites',
    { sites: ['north', 'south'] },
    'check bids; neuroflare preprocess split bids --strategy column --site-column site',
  ],
  [
    'another contrast',
    { images_of_each: ['FLAIR'] },
    'check bids --suffix FLAIR; neuroflare preprocess split bids --suffix FLAIR',
  ],
  [
    'several contrasts',
    { images_of_each: ['FLAIR', 'T1w', 'ce-gadolinium_T1w'] },
    [
      'check bids --channel T1w,ce= --channel T1w,ce=gadolinium --channel FLAIR',
      'neuroflare preprocess split bids --channel T1w,ce= --channel T1w,ce=gadolinium --channel FLAIR',
    ].join('; '),
  ],
])('the next commands fit the source: %s', (_what, more, words) => {
  expect(renderBids(made('bids', more)).split('\n').at(-1)).toBe(`Next: neuroflare preprocess ${words}`);
});

it('cases without a mask and one picture under two labels are named', () => {
  const alike = { files: ['a/1.png', 'b/2.png'], labels: ['a', 'b'] };
  const lines = renderBids(
    made('bids', { masks_missing: ['BraTS_3', 'BraTS_9'], alike_labels: [alike] }),
  ).split('\n');
  expect(lines).toContain('2 without a lesion mask: BraTS_3, BraTS_9');
  expect(lines).toContain(
    '1 pairs look like one image under two labels (a and b): a/1.png and b/2.png first (all of them with --json)',
  );
});
