import { numberAt } from '../../runtime/base/at.ts';
import { COLUMN, isUsed, type Participants } from '../bids/participants.ts';
import { PARTITIONS, type SplitManifest } from '../split/manifest.ts';
import { type Finding, finding } from './finding.ts';
import type { ImageFacts } from './inspect-image.ts';

/** Which site has which participant, and how many of each class. */
export interface SiteMembers {
  readonly name: string;
  readonly ids: ReadonlySet<string>;
}

/** The sites of a split, else those of the column `site`; one site where neither is there. */
export function sitesOf({ rows, columns }: Participants, split: SplitManifest | undefined): SiteMembers[] {
  if (split) {
    return split.sites.map((site) => ({
      name: site.name,
      ids: new Set(PARTITIONS.flatMap((part) => site[part])),
    }));
  }
  const used = rows.filter(isUsed);
  if (!columns.includes('site')) return [{ name: 'all', ids: new Set(used.map(({ id }) => id)) }];
  return [...Map.groupBy(used, ({ values }) => values.get('site') ?? 'n/a')]
    .map(([name, own]) => ({ name, ids: new Set(own.map(({ id }) => id)) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function classCounts({ rows }: Participants, site: SiteMembers): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { id, values } of rows) {
    const label = values.get(COLUMN.diagnosis);
    if (label === undefined) continue;
    counts.set(label, (counts.get(label) ?? 0) + (site.ids.has(id) ? 1 : 0));
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const LEAST_TO_TRAIN = 10;

/** Classes that a part of a site lacks, or that it has few of. */
export function findClassGaps(split: SplitManifest): Finding[] {
  return split.sites.flatMap((site) =>
    PARTITIONS.flatMap((part) => {
      const counts = Object.entries(site.classes[part]);
      const missing = counts.filter(([, count]) => count === 0).map(([label]) => label);
      const wished = part === 'train' || split.rule[part] > 0;
      const place = { site: site.name };
      const gaps =
        wished && missing.length > 0
          ? [
              finding('warning', 'NF_CHECK_CLASS_MISSING', {
                params: { part, site: site.name, classes: missing.join(', ') },
                place,
              }),
            ]
          : [];
      if (part !== 'train') return gaps;
      const few = counts.filter(([, count]) => count > 0 && count < LEAST_TO_TRAIN);
      return [
        ...gaps,
        ...few.map(([label, count]) =>
          finding('note', 'NF_CHECK_CLASS_FEW', {
            params: { site: site.name, count, label, least: LEAST_TO_TRAIN },
            place,
          }),
        ),
      ];
    }),
  );
}

const QUALITIES: readonly [string, (image: ImageFacts) => number][] = [
  ['brightness', ({ quality }) => quality.intensityMean],
  ['frame brightness', ({ quality }) => quality.frameMean],
  ['sharpness', ({ quality }) => quality.sharpness],
  ['image size', ({ shape }) => shape.slice(0, 3).reduce((product, size) => product * size, 1)],
  ['voxel volume', ({ voxel }) => voxel.reduce((product, size) => product * size, 1)],
];
/** Critical value of the two-sample Kolmogorov-Smirnov test at 0.1 %, times sqrt((n + m) / (n m)). */
const CRITICAL = 1.95;
const LABEL_DISTANCE = 0.2;

/** A site's distribution of a quality against that of all other sites. */
export interface SiteContrast {
  readonly site: string;
  readonly quality: string;
  /** Kolmogorov-Smirnov distance, 0 to 1. */
  readonly distance: number;
  /** Chance stays under it in 999 of 1000 cases. */
  readonly bound: number;
}

export function contrastSites(images: readonly ImageFacts[], sites: readonly SiteMembers[]): SiteContrast[] {
  if (sites.length < 2) return [];
  return sites.flatMap(({ name, ids }) => {
    const own = images.filter(({ participant }) => ids.has(participant));
    const others = images.filter(({ participant }) =>
      sites.some((site) => site.name !== name && site.ids.has(participant)),
    );
    if (own.length === 0 || others.length === 0) return [];
    const bound = CRITICAL * Math.sqrt((own.length + others.length) / (own.length * others.length));
    return QUALITIES.map(([quality, value]) => ({
      site: name,
      quality,
      bound,
      distance: largestGap(own.map(value), others.map(value)),
    }));
  });
}

export function findContrasts(contrasts: readonly SiteContrast[]): Finding[] {
  return contrasts
    .filter(({ distance, bound }) => distance > bound)
    .map(({ site, quality, distance, bound }) => {
      const params = { site, quality, distance: distance.toFixed(2), bound: bound.toFixed(2) };
      return finding('note', 'NF_CHECK_SITES_DIFFER', { params, place: { site } });
    });
}

export function findLabelShift(participants: Participants, sites: readonly SiteMembers[]): Finding[] {
  if (sites.length < 2) return [];
  const all = shares(
    classCounts(participants, { name: '', ids: new Set(sites.flatMap(({ ids }) => [...ids])) }),
  );
  return sites.flatMap((site) => {
    const own = shares(classCounts(participants, site));
    const distance =
      Object.keys(all).reduce((sum, label) => sum + Math.abs((own[label] ?? 0) - (all[label] ?? 0)), 0) / 2;
    if (distance <= LABEL_DISTANCE) return [];
    const params = { site: site.name, distance: distance.toFixed(2) };
    return [finding('note', 'NF_CHECK_LABELS_DIFFER', { params, place: { site: site.name } })];
  });
}

function shares(counts: Readonly<Record<string, number>>): Record<string, number> {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.fromEntries(
    Object.entries(counts).map(([label, count]) => [label, total === 0 ? 0 : count / total]),
  );
}

/** The greatest difference of two empirical distribution functions. */
function largestGap(one: number[], other: number[]): number {
  const [a, b] = [one.sort((p, q) => p - q), other.sort((p, q) => p - q)];
  let [i, j, gap] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(numberAt(a, i), numberAt(b, j));
    while (i < a.length && numberAt(a, i) <= value) i++;
    while (j < b.length && numberAt(b, j) <= value) j++;
    gap = Math.max(gap, Math.abs(i / a.length - j / b.length));
  }
  return gap;
}
