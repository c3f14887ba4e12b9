import { type Confusion, countExamples, type Metrics, poolMetrics } from '../base/confusion.ts';
import { flError } from '../base/errors/errors.ts';
import { ANSWER_LIMITS, LEAST_EXAMPLES } from '../base/limits.ts';
import type { MetricReport, MetricValue } from '../base/logging/metrics.ts';
import { capWeights } from './cap-weights.ts';
import type { AcceptedResult } from './events.ts';
import { isShare, isWithinShares } from './shares.ts';

/** What one site reports, and how much it counts. */
export type SiteReport = Pick<AcceptedResult, 'site' | 'metrics' | 'numExamples'>;

type CountedReport = SiteReport & { readonly metrics: Metrics };

/** Figures that are computed anew from counts. */
const COUNTED = ['loss', 'accuracy', 'balanced_accuracy'];

/**
 * One report over all sites. Where most sites count a confusion matrix, its figures are computed anew from the counts, without the
 * sites that do not count; each other top-level number becomes the mean over the sites that define it, a share over those that have it
 * within 0 and 1 unless more have not, weighted by `metrics.num_examples`, else `numExamples`. Neither
 * counts nor weights of a site are over `maxWeightRatio` times the median of the others.
 *
 * @throws NF_TRAIN_METRICS_DIFFER with the site that counts other classes than the first
 */
export function poolReports(
  reports: readonly SiteReport[],
  { maxWeightRatio = Number.POSITIVE_INFINITY }: { maxWeightRatio?: number } = {},
): MetricReport {
  const names = new Set(reports.flatMap(({ metrics }) => Object.keys(metrics)));
  const means = Object.fromEntries(
    [...names].sort().flatMap((name) => pooled(name, reports, maxWeightRatio)),
  );
  const counted = sameClasses(countedReports(reports));
  if (counted.length === 0) return means;
  const shares = sharesOf(counted, maxWeightRatio);
  return { ...means, ...poolMetrics(counted.map(({ metrics }, at) => scaled(metrics, shares[at] ?? 1))) };
}

/** A sentence for each site whose counts are bounded in the report over all sites. */
export function boundedCounts(reports: readonly SiteReport[], ratio: number): string[] {
  const counted = countedReports(reports);
  const shares = sharesOf(counted, ratio);
  return counted.flatMap(({ site, metrics: { num_examples: own } }, at) => {
    const share = shares[at] ?? 1;
    if (share === 1) return [];
    return [
      `${site} counts ${own} examples: they count as ${own * share}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
    ];
  });
}

/** A sentence for each site and reason for which figures are left out of the report over all sites. */
export function leftOut(reports: readonly SiteReport[]): string[] {
  const isCounting = countedReports(reports).length > 0;
  const alone = reports.filter((report) => isCounting && isUncounted(report));
  const uncounted = alone.map(({ site, metrics }) => {
    const given = COUNTED.filter((name) => isNumber(metrics[name]));
    return `${site} gives ${given.join(', ')} without counts that add up (classes, confusion, num_examples), which most sites give: left out of the figures over all sites`;
  });
  const names = [...new Set(reports.flatMap(({ metrics }) => Object.keys(metrics)))].filter(isShare).sort();
  const outside = names.flatMap((name) => {
    if (isCounting && COUNTED.includes(name)) return [];
    const kept = new Set(holdersOf(reports, name).map(({ site }) => site));
    const others = reports.filter(({ site, metrics }) => isNumber(metrics[name]) && !kept.has(site));
    return others.map(
      ({ site, metrics }) =>
        `${site} gives ${name} ${metrics[name]}, which is not between 0 and 1 as that of most sites: left out of the figures over all sites`,
    );
  });
  return [...uncounted, ...outside];
}

/**
 * Sites that count other classes than most; of equally many those are right that count the classes of the job, else those with the
 * first site. One site must not end a job for the others, nor have another one blamed.
 */
export function otherClasses(
  reports: readonly SiteReport[],
  ofJob: readonly string[] | undefined,
): { readonly site: string; readonly expected: string; readonly actual: string }[] {
  const counted = countedReports(reports);
  const votes = new Map<string, number>();
  const shown = new Map<string, string>();
  const named = (classes: readonly string[]) => JSON.stringify(classes);
  for (const { metrics } of counted) {
    const vote = named(metrics.classes);
    votes.set(vote, (votes.get(vote) ?? 0) + 1);
    if (!shown.has(vote)) shown.set(vote, fewNames(metrics.classes));
  }
  const most = Math.max(...votes.values());
  const first = [...votes.keys()].filter((vote) => votes.get(vote) === most);
  const expected = first.find((vote) => ofJob && vote === named(ofJob)) ?? first[0] ?? '';
  return counted.flatMap(({ site, metrics }) => {
    const actual = named(metrics.classes);
    if (actual === expected) return [];
    return [{ site, expected: shown.get(expected) ?? '', actual: shown.get(actual) ?? '' }];
  });
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

/** Sites whose data are in the pooled figure of this name. */
export function scorersOf(reports: readonly SiteReport[], name: string): string[] {
  const counted = COUNTED.includes(name) ? countedReports(reports) : [];
  const holders = counted.length > 0 ? counted : holdersOf(reports, name);
  return holders.map(({ site }) => site);
}

/** What of a report its pooled figure of one name is made of. */
export function partsOf({ site, metrics, numExamples }: SiteReport, name: string): SiteReport {
  const kept = [name, ...COUNTED, 'num_examples', 'classes', 'confusion'];
  const parts = Object.entries(metrics).filter(([key]) => kept.includes(key));
  return { site, numExamples, metrics: Object.fromEntries(parts) };
}

function pooled(name: string, reports: readonly SiteReport[], ratio: number): [string, number][] {
  const holders = holdersOf(reports, name).map(({ value, metrics, numExamples }) => ({
    value,
    weight: weightOf(metrics, numExamples),
  }));
  const own = holders.map(({ weight }) => weight);
  if (name === 'num_examples') return holders.length > 0 ? [[name, sum(own)]] : [];
  const weights = capWeights(own, ratio);
  const total = sum(weights);
  if (!(total > 0)) return [];
  const mean = sum(holders.map(({ value }, at) => (weights[at] ?? 0) * value)) / total;
  if (Number.isFinite(mean)) return [[name, mean]];
  // Values of older logs may be large enough to leave the range in the sum.
  return [[name, sum(holders.map(({ value }, at) => ((weights[at] ?? 0) / total) * value))]];
}

/**
 * The sites that give a number under this name. Of a share it is those with one within 0 and 1, unless more have another: an accuracy of
 * 1e100 of one site must not be that of all, while scripts that call what they like an accuracy may.
 */
function holdersOf(reports: readonly SiteReport[], name: string): (SiteReport & { value: number })[] {
  const holders = reports.flatMap((report) => {
    const value = report.metrics[name];
    return isNumber(value) ? [{ ...report, value }] : [];
  });
  if (!isShare(name)) return holders;
  const within = holders.filter(({ value }) => isWithinShares(value));
  return 2 * within.length < holders.length ? holders : within;
}

/** A number of examples that a script makes up may be none. */
function weightOf({ num_examples: scored }: MetricReport, numExamples: number): number {
  return isNumber(scored) && (scored === 0 || scored >= LEAST_EXAMPLES) ? scored : numExamples;
}

/**
 * The sites that count, where they are more than those that give one of the same figures without counts: one site that does not
 * count must not make the counts of the others void.
 */
function countedReports(reports: readonly SiteReport[]): CountedReport[] {
  const counted = reports.filter(isCounted);
  return counted.length > reports.filter(isUncounted).length ? counted : [];
}

/** Whether a site gives a figure of counts without them. */
function isUncounted(report: SiteReport): boolean {
  return COUNTED.some((name) => isNumber(report.metrics[name])) && !isCounted(report);
}

/** How much of a site's counts are taken: none is over `ratio` times the median of the others, as with the weight of an update. */
function sharesOf(reports: readonly CountedReport[], ratio: number): number[] {
  const own = reports.map(({ metrics }) => metrics.num_examples);
  const weights = capWeights(own, ratio);
  return own.map((count, at) => (count > 0 ? (weights[at] ?? count) / count : 1));
}

function scaled(metrics: Metrics, share: number): Metrics {
  if (share === 1) return metrics;
  const confusion = metrics.confusion.map((row) => row.map((count) => count * share));
  return { ...metrics, num_examples: metrics.num_examples * share, confusion };
}

function sameClasses(reports: readonly CountedReport[]): readonly CountedReport[] {
  const expected = reports[0]?.metrics.classes ?? [];
  const text = JSON.stringify(expected);
  for (const { site, metrics } of reports)
    if (JSON.stringify(metrics.classes) !== text)
      throw flError(
        'NF_TRAIN_METRICS_DIFFER',
        { expected: fewNames(expected), actual: fewNames(metrics.classes) },
        { place: { site } },
      );
  return reports;
}

/** What `scoreSubjects` reports, or a script that counts in the same form. */
function isCounted(report: SiteReport): report is CountedReport {
  const { classes, confusion, num_examples: examples, loss = null } = report.metrics;
  return (
    isList(classes) &&
    classes.every((name) => typeof name === 'string') &&
    isList(confusion) &&
    confusion.length === classes.length &&
    confusion.every((row) => isList(row) && row.length === classes.length && row.every(isCount)) &&
    isCount(examples ?? null) &&
    countExamples(confusion as Confusion) === examples &&
    (loss === null || isNumber(loss))
  );
}

function isList(value: MetricValue | undefined): value is readonly MetricValue[] {
  return Array.isArray(value);
}

function isCount(value: MetricValue): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= ANSWER_LIMITS.examples.most;
}

/** Older logs may hold numbers that JSON cannot. */
function isNumber(value: MetricValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
