import { type SplitManifest, splitDigest } from '../../../preprocess/split/manifest.ts';

/** The one site of a centralized baseline. */
export const POOLED_SITE = 'all';

/** All sites' training and validation images at one site; nobody is tested there, since all models are tested by the first split. */
export function poolSplit(split: SplitManifest): SplitManifest {
  const union = (part: 'train' | 'validation') => split.sites.flatMap((site) => site[part]).sort();
  const counts = (part: 'train' | 'validation') => {
    const sums: Record<string, number> = {};
    for (const { classes } of split.sites) {
      for (const [label, count] of Object.entries(classes[part])) sums[label] = (sums[label] ?? 0) + count;
    }
    return sums;
  };
  const train = counts('train');
  const none = Object.fromEntries(Object.keys(train).map((label) => [label, 0]));
  const body = {
    ...split,
    sites: [
      {
        name: POOLED_SITE,
        train: union('train'),
        validation: union('validation'),
        test: [],
        classes: { train, validation: counts('validation'), test: none },
      },
    ],
  };
  return { ...body, sha256: splitDigest(body) };
}
