import { z } from 'zod';
import { numberAt } from '../base/at.ts';
import { canonicalJson } from '../base/digest.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';
import {
  DATA_STATISTICS,
  type SiteFeature,
  type SiteStatistics,
  type SiteTable,
  siteStatisticsSchema,
} from './site-statistics.ts';

const value = z.number().nullable();
const count = z.int().nonnegative();

export const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** What the data of all sites are like, added of what each told: `data_statistics.json`. */
export const dataStatisticsSchema = z.object({
  version: z.literal(1),
  kind: z.literal('neuroflare-data-statistics'),
  people: count.describe('at the sites that told of theirs'),
  sites: z.record(z.string(), count).describe('people at each'),
  withheld: z.array(z.string()).describe('sites that told nothing: they have too few people'),
  tables: z.array(
    z.object({
      name: z.string(),
      values: z.array(
        z.object({
          value: z.string(),
          people: count,
          share: value.describe('of those that are counted'),
          sites: z.record(z.string(), count.nullable()).describe('null: withheld'),
        }),
      ),
    }),
  ),
  features: z.array(
    z.object({
      name: z.string(),
      people: count,
      mean: value,
      sd: value,
      quantiles: z
        .record(z.string(), value)
        .describe('from the histogram, to the width of a step; null where they lie outside of its range'),
      from: z.number(),
      to: z.number(),
      histogram: z.array(count).describe('below the range, its steps, above it; without those withheld'),
      in_histogram: count.describe('people that it counts'),
      sites: z.record(z.string(), z.object({ people: count, mean: value, sd: value })),
    }),
  ),
  left_out: z.array(z.string()).describe('what a site told of in another form than most'),
});
export type DataStatistics = z.output<typeof dataStatisticsSchema>;

interface Told {
  readonly site: string;
  readonly statistics: SiteStatistics;
}

/** Added, in site order; undefined where no answer has such a figure. */
export function poolStatistics(
  results: readonly { readonly site: string; readonly metrics: MetricReport }[],
): DataStatistics | undefined {
  const asked = results.filter(({ metrics }) => Object.hasOwn(metrics, DATA_STATISTICS));
  if (asked.length === 0) return undefined;
  const told = asked.flatMap(({ site, metrics }): Told[] => {
    const found = siteStatisticsSchema.safeParse(metrics[DATA_STATISTICS]).data;
    return found ? [{ site, statistics: found }] : [];
  });
  const whoTold = new Set(told.map(({ site }) => site));
  const leftOut: string[] = [];
  return {
    version: 1,
    kind: 'neuroflare-data-statistics',
    people: sum(told.map(({ statistics }) => statistics.people)),
    sites: Object.fromEntries(told.map(({ site, statistics }) => [site, statistics.people])),
    withheld: asked.map(({ site }) => site).filter((site) => !whoTold.has(site)),
    tables: gather(told, ({ tables }) => tables, { form: ({ values }) => values, leftOut }).map(poolTable),
    features: gather(told, ({ features }) => features, {
      form: ({ from, to, bins }) => [from, to, bins.length],
      leftOut,
    }).map(poolFeature),
    left_out: leftOut,
  };
}

interface Gathered<Part> {
  readonly name: string;
  readonly parts: readonly { readonly site: string; readonly part: Part }[];
}

/** The parts of one name of all sites, in the form that most of them tell it in; of equally many in that which comes first. */
function gather<Part>(
  told: readonly Told[],
  read: (statistics: SiteStatistics) => Readonly<Record<string, Part>>,
  { form, leftOut }: { form: (part: Part) => readonly unknown[]; leftOut: string[] },
): Gathered<Part>[] {
  const all = told.flatMap(({ site, statistics }) =>
    Object.entries(read(statistics)).map(([name, part]) => ({ site, name, part })),
  );
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, parts]) => {
    const forms = [...Map.groupBy(parts, ({ part }) => canonicalJson(form(part))).values()];
    const [alike = []] = forms.sort((a, b) => b.length - a.length);
    for (const { site } of parts.filter((one) => !alike.includes(one))) leftOut.push(`${site}: ${name}`);
    return { name, parts: alike };
  });
}

function poolTable({ name, parts }: Gathered<SiteTable>): DataStatistics['tables'][number] {
  const values = parts[0]?.part.values ?? [];
  const totals = values.map((_, at) => sum(parts.map(({ part }) => part.people[at] ?? 0)));
  const all = sum(totals);
  return {
    name,
    values: values.map((own, at) => ({
      value: own,
      people: numberAt(totals, at),
      share: all === 0 ? null : numberAt(totals, at) / all,
      sites: Object.fromEntries(parts.map(({ site, part }) => [site, part.people[at] ?? null])),
    })),
  };
}

function poolFeature({ name, parts }: Gathered<SiteFeature>): DataStatistics['features'][number] {
  const { from, to, bins } = parts[0]?.part ?? { from: 0, to: 1, bins: [] };
  const pooled = {
    from,
    to,
    people: sum(parts.map(({ part }) => part.people)),
    sum: sum(parts.map(({ part }) => part.sum)),
    squares: sum(parts.map(({ part }) => part.squares)),
  };
  const histogram = bins.map((_, bin) => sum(parts.map(({ part }) => part.bins[bin] ?? 0)));
  return {
    name,
    people: pooled.people,
    ...moments(pooled),
    quantiles: Object.fromEntries(
      QUANTILES.map((share) => [`p${100 * share}`, quantile(histogram, { from, to, share })]),
    ),
    from,
    to,
    histogram,
    in_histogram: sum(histogram),
    sites: Object.fromEntries(
      parts.map(({ site, part }) => [site, { people: part.people, ...moments(part) }]),
    ),
  };
}

/** Of sums over the differences from the middle of the range, which keeps the digits of small spreads. */
function moments({ people, sum: total, squares, from, to }: Omit<SiteFeature, 'bins'>): {
  mean: number | null;
  sd: number | null;
} {
  if (people === 0) return { mean: null, sd: null };
  const off = total / people;
  const variance = people < 2 ? null : Math.max(0, squares - people * off * off) / (people - 1);
  return { mean: (from + to) / 2 + off, sd: variance === null ? null : Math.sqrt(variance) };
}

/** Evenly within each step. */
function quantile(
  histogram: readonly number[],
  { from, to, share }: { from: number; to: number; share: number },
): number | null {
  const all = sum(histogram);
  if (all === 0) return null;
  const wanted = share * all;
  let before = 0;
  for (const [bin, own] of histogram.entries()) {
    if (before + own >= wanted && own > 0) {
      if (bin === 0 || bin === histogram.length - 1) return null;
      return from + ((to - from) / (histogram.length - 2)) * (bin - 1 + (wanted - before) / own);
    }
    before += own;
  }
  return null;
}
