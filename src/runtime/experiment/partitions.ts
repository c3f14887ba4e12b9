import { z } from 'zod';
import { type Heterogeneity, heterogeneitySchema } from '../../preprocess/split/heterogeneity.ts';
import { meanOf } from './mean.ts';

/** How unlike the sites of one run are, without what is said of each. */
export const unlikeSitesSchema = heterogeneitySchema.omit({ sites: true });
export type UnlikeSites = z.output<typeof unlikeSitesSchema>;

const figure = z.number();

/** How unlike the sites of a partition are, over the splits of its seeds. */
export const partitionResultSchema = z.object({
  partition: z.string().nullable(),
  sites: z.int().nonnegative(),
  smallest: z.int().nonnegative().describe('images of the smallest site of all seeds'),
  largest: z.int().nonnegative(),
  effective_sites: figure.describe('mean over the seeds, as all below'),
  unlikeness: z.array(
    z.object({
      of: z.string(),
      jensen_shannon: figure.describe('mean over all pairs of sites'),
      jensen_shannon_largest: figure,
      hellinger: figure,
      emd: figure,
      information: figure,
      entropy: figure,
      by_chance: figure,
    }),
  ),
});
export type PartitionResult = z.output<typeof partitionResultSchema>;

export interface RunOfPartition {
  readonly partition: string | null;
  readonly sites: number;
  /** Null where no split is known. */
  readonly unlike: UnlikeSites | null;
}

/** One entry for each partition of which a split is known, in the order of the runs. */
export function partitionsOf(runs: readonly RunOfPartition[]): PartitionResult[] {
  return [...Map.groupBy(runs, ({ partition }) => partition)].flatMap(([partition, own]) => {
    const known = own.flatMap(({ unlike }) => unlike ?? []);
    const [first] = known;
    if (!first) return [];
    const sizes = known.map((one) => one.sizes);
    return [
      {
        partition,
        sites: own[0]?.sites ?? 0,
        smallest: Math.min(...sizes.map(({ smallest }) => smallest)),
        largest: Math.max(...sizes.map(({ largest }) => largest)),
        effective_sites: meanOf(sizes.map((one) => one.effective_sites)) ?? 0,
        unlikeness: first.unlikeness.map(({ of }) => meanUnlikeness(of, known)),
      },
    ];
  });
}

type Unlikeness = Heterogeneity['unlikeness'][number];

function meanUnlikeness(of: string, known: readonly UnlikeSites[]): PartitionResult['unlikeness'][number] {
  const own = known.flatMap(({ unlikeness }) => unlikeness.filter((one) => one.of === of));
  const mean = (read: (one: Unlikeness) => number) => meanOf(own.map(read)) ?? 0;
  return {
    of,
    jensen_shannon: mean((one) => one.mean.jensen_shannon),
    jensen_shannon_largest: mean((one) => one.largest.jensen_shannon),
    hellinger: mean((one) => one.mean.hellinger),
    emd: mean((one) => one.mean.emd),
    information: mean((one) => one.information),
    entropy: mean((one) => one.entropy),
    by_chance: mean((one) => one.by_chance),
  };
}
