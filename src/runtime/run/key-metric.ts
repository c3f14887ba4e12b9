import type { KeyFigure } from '../algorithms/workflow.ts';
import { flError } from '../base/errors/errors.ts';
import { described } from '../base/logging/check-figures.ts';
import type { MetricReport, MetricValue } from '../base/logging/metrics.ts';
import { didYouMean } from '../base/text/nearest.ts';
import type { Goal } from './best-model.ts';
import { poolReports, type SiteReport, scorersOf } from './pool-reports.ts';

/**
 * A metric nobody sends would leave the run without a best model: said after the first round, not after the last. Null stands for
 * a figure that a site cannot give this time.
 *
 * @throws NF_KEY_METRIC_MISSING, NF_KEY_METRIC_TYPE
 */
export function requireKeyMetric(reports: readonly SiteReport[], metric: string): void {
  const isThere = typeof poolReports(reports)[metric] === 'number';
  if (isThere || reports.some(({ metrics }) => metrics[metric] === null)) return;
  const wrong = reports.filter(({ metrics }) => Object.hasOwn(metrics, metric));
  const [first] = wrong;
  if (first) {
    const sites = wrong.map(({ site, metrics }) => `${site} sends ${described(metrics[metric])}`);
    throw flError('NF_KEY_METRIC_TYPE', { metric, sites: shortened(sites) }, { place: { site: first.site } });
  }
  const reported = [...new Set(reports.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  throw flError('NF_KEY_METRIC_MISSING', {
    metric,
    reported: reported.length > 0 ? reported.join(', ') : 'none',
    nearest: didYouMean(metric, reported),
  });
}

/** Of figures over all sites. */
export function keyFigure(
  metrics: MetricReport,
  { keyMetric: metric, keyMetricGoal: goal }: Pick<Goal, 'keyMetric' | 'keyMetricGoal'>,
): KeyFigure {
  const value = metrics[metric];
  return { metric, goal, value: typeof value === 'number' ? value : null };
}

/** Which sites give no figure of the key metric, and why; empty where all do. */
export function missingKeyMetric(reports: readonly SiteReport[], metric: string): string[] {
  const scorers = new Set(scorersOf(reports, metric));
  const missing = reports.filter(
    ({ site, metrics }) => !scorers.has(site) && typeof metrics[metric] !== 'number',
  );
  if (missing.length === 0) return [];
  const sites = missing.map(({ site, metrics }) => `${site} (${reasonOf(metrics, metric)})`);
  const rest = scorers.size === 0 ? 'no model can be compared' : 'it is pooled over the others';
  return [`no ${metric} of ${shortened(sites)}: ${rest}`];
}

function reasonOf(metrics: SiteReport['metrics'], metric: string): string {
  const { undefined_because: because } = metrics;
  const reason = isMap(because) ? because[metric] : undefined;
  if (typeof reason === 'string') return reason;
  const value = metrics[metric];
  return value === undefined ? 'not sent' : described(value);
}

function isMap(value: MetricValue | undefined): value is Readonly<Record<string, MetricValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** With hundreds of sites nobody reads each. */
const MOST_NAMED = 5;

function shortened(items: readonly string[]): string {
  const more = items.length - MOST_NAMED;
  return [...items.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
