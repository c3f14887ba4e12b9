import type { MetricReport } from '../telemetry/metrics.ts';
import type { AcceptedResult } from '../telemetry/run-events.ts';
import { type Metrics, poolMetrics } from '../train/metrics.ts';

/**
 * One report over all sites. Reports that count a confusion matrix are pooled from their counts; of others, each
 * top-level number that every site defines becomes the mean weighted by `metrics.num_examples`, else `numExamples`.
 */
export function poolReports(results: readonly AcceptedResult[]): MetricReport {
  const reports = results.map(({ metrics }) => metrics);
  if (reports.length > 0 && reports.every(isClassification))
    return { ...poolMetrics(reports) } as MetricReport;
  const names = new Set(reports.flatMap((report) => Object.keys(report)));
  return Object.fromEntries([...names].sort().flatMap((name) => pooled(name, results)));
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
  if (name === 'num_examples')
    return [[name, results.reduce((count, { metrics }) => count + Number(metrics.num_examples), 0)]];
  return total > 0 ? [[name, sum / total]] : [];
}

function isClassification(report: MetricReport): report is MetricReport & Metrics {
  const { classes, confusion, num_examples: examples } = report;
  return (
    Array.isArray(classes) &&
    Array.isArray(confusion) &&
    typeof examples === 'number' &&
    confusion.every(Array.isArray)
  );
}
