import { z } from 'zod';
import { numberAt } from '../../runtime/base/at.ts';
import { sum } from '../../runtime/base/sum.ts';
import { PARTITIONS, type SplitManifest, type SplitSite } from './manifest.ts';

const share = z.number().min(0).max(1);
const distances = z.object({
  jensen_shannon: share.describe('square root of the divergence to base 2'),
  hellinger: share,
  emd: share.describe(
    "earth mover's distance, each class 1 from each other: half the sum of the differences",
  ),
});
export type Distances = z.output<typeof distances>;

export const DISTANCES = ['jensen_shannon', 'hellinger', 'emd'] as const;

const unlikenessSchema = z.object({
  of: z.string().describe('what sites are compared in: `class`, or the column that was dealt unevenly'),
  mean: distances.describe('over all pairs of sites'),
  largest: distances.describe('each of the pair that differs most in it'),
  pair: z.array(z.string()).length(2).describe('the two sites with the largest Jensen-Shannon distance'),
  information: z.number().min(0).describe('bits that the site tells of an image: divergence of all sites'),
  entropy: z.number().min(0).describe('bits that would tell all'),
  by_chance: z.number().min(0).describe('information to expect of alike sites: there are few groups'),
});
export type Unlikeness = z.output<typeof unlikenessSchema>;

/** How unlike the sites of a split are. */
export const heterogeneitySchema = z.object({
  sites: z.array(
    z.object({
      name: z.string(),
      images: z.int().nonnegative(),
      effective_classes: z.number().describe('equally common classes of the same entropy'),
      from_others: distances.nullable().describe('of classes, from all other sites together'),
    }),
  ),
  sizes: z.object({
    smallest: z.int().nonnegative(),
    largest: z.int().nonnegative(),
    effective_sites: z.number().describe('equally large sites whose shares have the same sum of squares'),
  }),
  unlikeness: z.array(unlikenessSchema).describe('empty for one site'),
});
export type Heterogeneity = z.output<typeof heterogeneitySchema>;

/** Of a site: images of each class, and of each value of a column that was dealt unevenly. */
export interface SiteCounts {
  readonly name: string;
  readonly classes: Readonly<Record<string, number>>;
  readonly values?: SplitSite['values'];
}

/** From counts alone; no image is read. `groups`: of all sites together. */
export function heterogeneityOf(sites: readonly SiteCounts[], groups: number): Heterogeneity {
  const byClass = countsOf(sites.map(({ classes }) => classes));
  const sizes = byClass.map(sum);
  const all = totals(byClass);
  const names = sites.map(({ name }) => name);
  return {
    sites: byClass.map((own, at) => {
      const others = all.map((count, label) => count - numberAt(own, label));
      return {
        name: names[at] ?? '',
        images: sum(own),
        effective_classes: 2 ** entropyOf(sharesOf(own)),
        from_others: sum(own) > 0 && sum(others) > 0 ? distancesOf(sharesOf(own), sharesOf(others)) : null,
      };
    }),
    sizes: {
      smallest: Math.min(...sizes),
      largest: Math.max(...sizes),
      effective_sites: sum(sizes) ** 2 / sum(sizes.map((size) => size ** 2)),
    },
    unlikeness: [
      ...unlikenessOf({ of: 'class', counts: byClass, names, groups }),
      ...skewed(sites).flatMap(([of, counts]) => unlikenessOf({ of, counts, names, groups })),
    ],
  };
}

/** How unlike the sites of a split are, over all their parts. */
export function splitHeterogeneity({
  sites,
  groups,
}: Pick<SplitManifest, 'sites' | 'groups'>): Heterogeneity {
  const counts = sites.map((site) => ({ ...site, classes: imagesOfClasses(site) }));
  return heterogeneityOf(counts, groups.count);
}

function imagesOfClasses({ classes }: SplitSite): Readonly<Record<string, number>> {
  const labels = PARTITIONS.flatMap((part) => Object.keys(classes[part]));
  const counts = labels.map(
    (label) => [label, sum(PARTITIONS.map((part) => classes[part][label] ?? 0))] as const,
  );
  return Object.fromEntries(counts);
}

function skewed(sites: readonly SiteCounts[]): [column: string, counts: number[][]][] {
  const column = sites[0]?.values?.column;
  return column === undefined ? [] : [[column, countsOf(sites.map(({ values }) => values?.images ?? {}))]];
}

/** Rows of the same names, one a site. */
function countsOf(sites: readonly Readonly<Record<string, number>>[]): number[][] {
  const names = [...new Set(sites.flatMap((counts) => Object.keys(counts)))].sort();
  return sites.map((counts) => names.map((name) => counts[name] ?? 0));
}

function unlikenessOf(what: {
  of: string;
  counts: readonly (readonly number[])[];
  names: readonly string[];
  groups: number;
}): Unlikeness[] {
  const { of, counts, names, groups } = what;
  const present = counts
    .map((own, at) => ({ name: names[at] ?? '', images: sum(own), shares: sharesOf(own) }))
    .filter(({ images }) => images > 0);
  if (present.length < 2) return [];
  const all = sharesOf(totals(counts));
  const images = sum(present.map((site) => site.images));
  const within = sum(present.map((site) => (site.images / images) * entropyOf(site.shares)));
  const degrees = (present.length - 1) * (all.filter((value) => value > 0).length - 1);
  return [
    {
      of,
      ...pairsOf(present),
      information: Math.max(0, entropyOf(all) - within),
      entropy: entropyOf(all),
      // 2 n ln 2 times the information of independent things has a chi-square distribution (Wilks, 1938); groups are what is independent.
      by_chance: Math.min(entropyOf(all), degrees / (2 * groups * Math.LN2)),
    },
  ];
}

function pairsOf(
  sites: readonly { readonly name: string; readonly shares: readonly number[] }[],
): Pick<Unlikeness, 'mean' | 'largest' | 'pair'> {
  const added = { jensen_shannon: 0, hellinger: 0, emd: 0 };
  const largest = { jensen_shannon: 0, hellinger: 0, emd: 0 };
  let pair = [sites[0]?.name ?? '', sites[1]?.name ?? ''];
  for (const [at, one] of sites.entries()) {
    for (const other of sites.slice(at + 1)) {
      const found = distancesOf(one.shares, other.shares);
      if (found.jensen_shannon > largest.jensen_shannon) pair = [one.name, other.name];
      for (const kind of DISTANCES) {
        added[kind] += found[kind];
        largest[kind] = Math.max(largest[kind], found[kind]);
      }
    }
  }
  const pairs = (sites.length * (sites.length - 1)) / 2;
  const mean = {
    jensen_shannon: added.jensen_shannon / pairs,
    hellinger: added.hellinger / pairs,
    emd: added.emd / pairs,
  };
  return { mean, largest, pair };
}

/** Of two distributions over the same classes: 0 for the same, 1 for no class in common. */
export function distancesOf(one: readonly number[], other: readonly number[]): Distances {
  const middle = one.map((value, at) => (value + numberAt(other, at)) / 2);
  const divergence = entropyOf(middle) - (entropyOf(one) + entropyOf(other)) / 2;
  const common = sum(one.map((value, at) => Math.sqrt(value * numberAt(other, at))));
  const moved = sum(one.map((value, at) => Math.abs(value - numberAt(other, at)))) / 2;
  return {
    jensen_shannon: Math.sqrt(within(divergence)),
    hellinger: Math.sqrt(within(1 - common)),
    emd: within(moved),
  };
}

/** Rounding must not lead out of it. */
function within(value: number): number {
  return Math.min(1, Math.max(0, value < ROUNDING ? 0 : value));
}

const ROUNDING = 1e-12;

/** In bits. */
function entropyOf(shares: readonly number[]): number {
  return Math.abs(sum(shares.map((value) => (value > 0 ? value * Math.log2(value) : 0))));
}

function sharesOf(counts: readonly number[]): number[] {
  const all = sum(counts);
  return counts.map((count) => (all === 0 ? 0 : count / all));
}

function totals(rows: readonly (readonly number[])[]): number[] {
  const added = new Array<number>(rows[0]?.length ?? 0).fill(0);
  for (const row of rows) for (const [at, count] of row.entries()) added[at] = numberAt(added, at) + count;
  return added;
}
