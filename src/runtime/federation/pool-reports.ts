import type { MetricReport, MetricValue } from '../telemetry/metrics.ts';
import type { AcceptedResult } from '../telemetry/run-events.ts';
import { type Metrics, poolMetrics } from '../train/metrics.ts';

/**
 * One report over all sites. Where every site counts a confusion matrix, its figures are computed anew from the counts;
 * each other top-level number that every site defines becomes the mean weighted by `metrics.num_examples`, else
 * `numExamples`.
 */
export function poolReports(results: readonly AcceptedResult[]): MetricReport {
  const reports = results.map(({ metrics }) => metrics);
  const names = new Set(reports.flatMap((report) => Object.keys(report)));
  const means = Object.fromEntries([...names].sort().flatMap((name) => pooled(name, results)));
  return reports.length > 0 && reports.every(isClassification)
    ? { ...means, ...poolMetrics(reports) }
    : means;
}

function pooled(name: string, results: readonly AcceptedResult[]): [string, number][] {
  let sum = 0;
  let total = 0;
  for (const { metrics, numExamples } of results) {
    const value = metrics[name];
    if (typeof value !== 'number') return [];
    const weight = typeof metrics.num_examples === 'number' ? metrics.num_examples : numExamples;
    sum += weight * value;
    total += weight;
  }
  if (name === 'num_examples') return [[name, total]];
  return total > 0 ? [[name, sum / total]] : [];
}

/** What `scoreSubjects` reports, or a script that counts in the same form. */
function isClassification(report: MetricReport): report is MetricReport & Metrics {
  const { classes, confusion, num_examples: examples } = report;
  return (
    isList(classes) &&
    classes.every((name) => typeof name === 'string') &&
    isList(confusion) &&
    confusion.length === classes.length &&
    confusion.every((row) => isList(row) && row.length === classes.length && row.every(isCount)) &&
    isCount(examples ?? null)
  );
}

function isList(value: MetricValue | undefined): value is readonly MetricValue[] {
  return Array.isArray(value);
}

function isCount(value: MetricValue): boolean {
  return typeof value === 'number' && value >= 0;
}
