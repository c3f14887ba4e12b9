import { z } from 'zod';
import type { MetricValue } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';
import { withholdCounts } from './withhold-counts.ts';

/** The figure by which a site describes its data. */
export const DATA_STATISTICS = 'data_statistics';

const people = z.int().min(0).max(1e9);
const name = z.string().min(1).max(200);
const number = z.number().min(-1e15).max(1e15);

const ROUNDING = 1e-9;

/** Without those withheld. */
function countedIn(counts: readonly (number | null)[]): number {
  return sum(counts.map((one) => one ?? 0));
}

const tableSchema = z
  .strictObject({
    values: z.array(name).min(1).max(100),
    people: z.array(people.nullable()).describe('of each value; null: withheld'),
  })
  .refine(({ values, people: counts }) => values.length === counts.length);

const featureSchema = z
  .strictObject({
    from: number,
    to: number,
    people: people.describe('who have it'),
    sum: z.number().min(-1e18).max(1e18).describe('of the differences from the middle of the range'),
    squares: z.number().min(0).max(1e30).describe('of these'),
    bins: z
      .array(people.nullable())
      .min(3)
      .max(102)
      .describe('people below the range, in each of its equal steps, and above it; null: withheld'),
  })
  .refine(({ from, to }) => from < to)
  .refine(({ people: all, sum: total, squares, bins }) => {
    // Cauchy and Schwarz, but for rounding.
    const least = all === 0 ? 0 : (total * total) / all;
    return squares >= least * (1 - ROUNDING) && countedIn(bins) <= all;
  });

/** What a site tells of its data: sums over its people, of whom each counts once, by the mean over their images. */
export const siteStatisticsSchema = z
  .strictObject({
    version: z.literal(1),
    people,
    tables: z.record(name, tableSchema).describe('people of each class, and of each value of a column'),
    features: z.record(name, featureSchema).describe('of images, and columns of numbers'),
  })
  .refine(
    ({ people: all, tables, features }) =>
      Object.values(tables).every((table) => countedIn(table.people) <= all) &&
      Object.values(features).every((feature) => feature.people <= all),
    { error: 'counts more people than there are' },
  );
export type SiteStatistics = z.output<typeof siteStatisticsSchema>;
export type SiteTable = z.output<typeof tableSchema>;
export type SiteFeature = z.output<typeof featureSchema>;

/**
 * What of it may be told: nothing where there are fewer people than `least`, no feature that fewer have, no count of fewer, and none that
 * would follow from the others.
 * @returns null: nothing
 */
export function withholdStatistics(told: SiteStatistics, least: number): SiteStatistics | null {
  if (told.people < least) return null;
  const tables = Object.entries(told.tables).map(([name, table]) => {
    // Who has none of the values is counted by what is left over, so it is hidden with them.
    const isWhole = table.people.every((count) => count !== null);
    const missing = isWhole ? told.people - sum(table.people.map((count) => count ?? 0)) : null;
    const counts = withholdCounts([...table.people, missing], { total: told.people, least });
    return [name, { ...table, people: counts.slice(0, -1) }] as const;
  });
  const features = Object.entries(told.features).flatMap(([name, feature]) => {
    if (feature.people < least) return [];
    return [
      [name, { ...feature, bins: withholdCounts(feature.bins, { total: feature.people, least }) }] as const,
    ];
  });
  return { ...told, tables: Object.fromEntries(tables), features: Object.fromEntries(features) };
}

/**
 * The figures of a site with its statistics as they may be told: what is none becomes null.
 * @param least people that each count must be over
 */
export function withheldFigure(figure: MetricValue | undefined, least: number): SiteStatistics | null {
  const found = siteStatisticsSchema.safeParse(figure).data;
  return found ? withholdStatistics(found, least) : null;
}
