import { capWeights } from '../algorithms/cap-weights.ts';
import { flError } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';
import { figuresOf, formOf, type TakenCounts } from './add-counts.ts';
import type { AcceptedResult } from './events.ts';
import { isShare, isWithinShares } from './shares.ts';
import type { Counted, Statistics, Weighted } from './statistics.ts';
import { statisticsOf } from './statistics-of.ts';

/** What one site reports. */
export type SiteReport = Pick<AcceptedResult, 'site' | 'metrics' | 'numExamples' | 'statistics'>;

/** Lists that a job says its sites have alike where they count, e.g. the classes of its model. */
export type Alike = Counted['alike'];

interface Sums {
  readonly site: string;
  readonly statistics: Statistics;
}
type CountedSums = Sums & { readonly statistics: { readonly counted: Counted } };

/**
 * One report over all sites: sums and counts are added, and each figure is made of what they come to. Where most sites count
 * (`Statistics.counted`), the figures of counts are those of the sites that do; each other one is the mean over the sites that define
 * it, a share over those that have it within 0 and 1 unless more have not. Neither counts nor weights of a site are over
 * `maxWeightRatio` times the median of the others.
 *
 * @throws NF_TRAIN_METRICS_DIFFER with the site that counts something else than the first
 */
export function poolReports(
  reports: readonly SiteReport[],
  { maxWeightRatio = Number.POSITIVE_INFINITY }: { maxWeightRatio?: number } = {},
): MetricReport {
  const sums = reports.map(sumsOf);
  const names = new Set(sums.flatMap(({ statistics }) => plainNames(statistics)));
  const means = [...names].sort().flatMap((name) => pooled(name, sums, maxWeightRatio));
  const totals = new Map<string, number>();
  for (const { statistics } of sums)
    for (const [name, own] of Object.entries(statistics.totals))
      totals.set(name, (totals.get(name) ?? 0) + own);
  const counted = sameForm(countingOf(sums));
  return {
    ...Object.fromEntries(means),
    ...Object.fromEntries(totals),
    ...figuresOf(takenOf(counted, maxWeightRatio)),
  };
}

/** A sentence for each site whose counts are bounded in the report over all sites. */
export function boundedCounts(reports: readonly SiteReport[], ratio: number): string[] {
  const counting = countingOf(reports.map(sumsOf));
  return takenOf(counting, ratio).flatMap(({ counted: { examples }, share }, at) => {
    if (share === 1) return [];
    return [
      `${counting[at]?.site} counts ${examples} examples: they count as ${examples * share}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
    ];
  });
}

/** A sentence for each site and reason for which figures are left out of the report over all sites. */
export function leftOut(reports: readonly SiteReport[]): string[] {
  const sums = reports.map(sumsOf);
  const counting = countingOf(sums);
  const fromCounts = countedNames(counting);
  const uncounted = sums.flatMap(({ site, statistics }) => {
    const given = [...fromCounts].filter(
      (name) => Object.hasOwn(statistics.means, name) && !statistics.counted,
    );
    return given.length === 0
      ? []
      : `${site} gives ${given.join(', ')} without counts that add up (classes, confusion, num_examples), which most sites give: left out of the figures over all sites`;
  });
  const names = [...new Set(sums.flatMap(({ statistics }) => plainNames(statistics)))].filter(isShare).sort();
  const outside = names.flatMap((name) => {
    if (fromCounts.has(name)) return [];
    const kept = new Set(holdersOf(sums, name).map(({ site }) => site));
    const others = reports.filter(
      (report, at) => !kept.has(report.site) && sums[at] && plainOf(sums[at], name),
    );
    return others.map(
      ({ site, metrics }) =>
        `${site} gives ${name} ${metrics[name]}, which is not between 0 and 1 as that of most sites: left out of the figures over all sites`,
    );
  });
  return [...uncounted, ...outside];
}

/**
 * Sites that count something else than most; of equally many those are right that count what the job says, else those with the first
 * site. One site must not end a job for the others, nor have another one blamed.
 */
export function otherCounts(
  reports: readonly SiteReport[],
  ofJob: Alike,
): { readonly site: string; readonly expected: string; readonly actual: string }[] {
  const counting = countingOf(reports.map(sumsOf));
  const expected = commonForm(counting, ofJob);
  if (!expected) return [];
  const others = counting.filter(({ statistics }) => formOf(statistics.counted) !== formOf(expected));
  return others.map(({ site, statistics }) => ({ site, ...differing(expected, statistics.counted) }));
}

/** Sites whose data are in the pooled figure of this name. */
export function scorersOf(reports: readonly SiteReport[], name: string): string[] {
  return partsOf(reports, name).map(({ site }) => site);
}

/** What the pooled figure of one name is made of, by the sites whose data are in it. */
export function partsOf(reports: readonly SiteReport[], name: string): SiteReport[] {
  const sums = reports.map(sumsOf);
  const counting = countingOf(sums);
  const parts = new Map<string, Statistics>();
  if (countedNames(counting).has(name))
    for (const { site, statistics } of counting)
      parts.set(site, { means: {}, totals: {}, counted: onlyOf(statistics.counted, name) });
  else
    for (const { site, value, weight } of holdersOf(sums, name))
      parts.set(site, { means: { [name]: { sum: value * weight, weight } }, totals: {} });
  for (const { site, statistics } of sums) {
    const total = statistics.totals[name];
    if (total !== undefined) parts.set(site, { means: {}, totals: { [name]: total } });
  }
  return reports.flatMap(({ site, numExamples }) => {
    const statistics = parts.get(site);
    return statistics ? [{ site, numExamples, metrics: {}, statistics }] : [];
  });
}

/** Answers in logs of before version 3 have no sums beside their reports. */
function sumsOf({ site, metrics, numExamples, statistics }: SiteReport): Sums {
  return { site, statistics: statistics ?? statisticsOf(metrics, numExamples) };
}

function pooled(name: string, sums: readonly Sums[], ratio: number): [string, number][] {
  const holders = holdersOf(sums, name);
  const own = holders.map(({ weight }) => weight);
  const weights = capWeights(own, ratio);
  const total = sum(weights);
  if (!(total > 0)) return [];
  const parts = holders.map(({ value, weight, sum: whole }, at) => {
    const taken = weights[at] ?? weight;
    return taken === weight ? whole : taken * value;
  });
  return [[name, sum(parts) / total]];
}

interface Holder extends Weighted {
  readonly site: string;
  readonly value: number;
}

/**
 * The sites that define this figure. Of a share it is those with one within 0 and 1, unless more have another: an accuracy of
 * 1e100 of one site must not be that of all, while scripts that call what they like an accuracy may.
 */
function holdersOf(sums: readonly Sums[], name: string): Holder[] {
  const holders = sums.flatMap((own) => {
    const plain = plainOf(own, name);
    return plain ? [{ site: own.site, ...plain, value: plain.sum / plain.weight }] : [];
  });
  if (!isShare(name)) return holders;
  const within = holders.filter(({ value }) => isWithinShares(value));
  return 2 * within.length < holders.length ? holders : within;
}

/** A figure of one site alone: of one that counts, what its counts come to. */
function plainOf({ statistics: { means, counted } }: Sums, name: string): Weighted | undefined {
  const own = means[name] ?? counted?.means[name];
  if (own) return own.weight > 0 ? own : undefined;
  if (!counted || !Object.hasOwn(counted.macro, name)) return undefined;
  const value = figuresOf([{ counted: onlyOf(counted, name), share: 1 }])[name];
  const { examples: weight } = counted;
  return typeof value === 'number' ? { sum: value * weight, weight } : undefined;
}

function plainNames({ means, counted }: Statistics): string[] {
  return Object.keys({ ...means, ...counted?.means, ...counted?.macro });
}

/**
 * The sites that count, where they are more than those that give one of the same figures without counts: one site that does not
 * count must not make the counts of the others void.
 */
function countingOf(sums: readonly Sums[]): CountedSums[] {
  const counting = sums.flatMap(({ site, statistics: { counted, ...plain } }) =>
    counted ? [{ site, statistics: { ...plain, counted } }] : [],
  );
  const names = countedNames(counting);
  const uncounted = sums.filter(
    ({ statistics: { means, counted } }) => !counted && Object.keys(means).some((name) => names.has(name)),
  );
  return counting.length > uncounted.length ? counting : [];
}

/** Figures that are made of counts, as most sites count. */
function countedNames(counting: readonly CountedSums[]): ReadonlySet<string> {
  const form = commonForm(counting, {});
  return new Set(form ? Object.keys({ ...form.means, ...form.macro }) : []);
}

function commonForm(counting: readonly CountedSums[], ofJob: Alike): Counted | undefined {
  const votes = new Map<string, { readonly form: Counted; count: number }>();
  for (const {
    statistics: { counted },
  } of counting) {
    const key = formOf(counted);
    const vote = votes.get(key) ?? { form: counted, count: 0 };
    vote.count++;
    votes.set(key, vote);
  }
  const most = Math.max(...[...votes.values()].map(({ count }) => count));
  const first = [...votes.values()].flatMap(({ form, count }) => (count === most ? [form] : []));
  const told = Object.entries(ofJob);
  const isOfJob = ({ alike }: Counted) =>
    told.length > 0 && told.every(([name, list]) => JSON.stringify(alike[name]) === JSON.stringify(list));
  return first.find(isOfJob) ?? first[0];
}

/** How much of a site's counts are taken: none is over `ratio` times the median of the others, as with the weight of an update. */
function takenOf(counting: readonly CountedSums[], ratio: number): TakenCounts[] {
  const own = counting.map(({ statistics }) => statistics.counted.examples);
  const weights = capWeights(own, ratio);
  return counting.map(({ statistics: { counted } }, at) => {
    const { examples } = counted;
    return { counted, share: examples > 0 ? (weights[at] ?? examples) / examples : 1 };
  });
}

function onlyOf({ examples, alike, means, groups, macro }: Counted, name: string): Counted {
  const { [name]: mean } = means;
  const { [name]: of = '' } = macro;
  const { [of]: group } = groups;
  return {
    examples,
    alike,
    means: mean ? { [name]: mean } : {},
    groups: group ? { [of]: group } : {},
    macro: group ? { [name]: of } : {},
    tables: {},
  };
}

function sameForm(counting: readonly CountedSums[]): readonly CountedSums[] {
  const expected = counting[0]?.statistics.counted;
  for (const { site, statistics } of counting)
    if (expected && formOf(statistics.counted) !== formOf(expected))
      throw flError('NF_TRAIN_METRICS_DIFFER', differing(expected, statistics.counted), { place: { site } });
  return counting;
}

/** Both in words: what they count by, and what of it where that is alike. */
function differing(one: Counted, other: Counted): { expected: string; actual: string } {
  const [expected, actual] = [one, other].map(({ alike }) => fewNames(Object.values(alike).flat()));
  if (expected !== actual) return { expected: expected ?? '', actual: actual ?? '' };
  const all = ({ alike, means, groups, macro, tables }: Counted) =>
    fewNames(Object.keys({ ...alike, ...means, ...groups, ...macro, ...tables }));
  return { expected: all(one), actual: all(other) };
}

/** Names that a site gave, as a sentence has room for them. */
const MOST_NAMED = 10;
const MOST_OF_NAME = 60;

function fewNames(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const few = names
    .slice(0, MOST_NAMED)
    .map((name) => (name.length > MOST_OF_NAME ? `${name.slice(0, MOST_OF_NAME)}…` : name));
  return [...few, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
