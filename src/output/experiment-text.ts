import { rowName } from '../runtime/experiment/cells.ts';
import type { ExperimentPlan } from '../runtime/experiment/plan.ts';
import type { ExperimentResult, RowResult } from '../runtime/experiment/result.ts';
import { interval, percent } from './figures.ts';
import { sizeText } from './size-text.ts';
import { renderTable } from './table.ts';

/** The table of an experiment, with what failed below it. */
export function renderExperiment(result: ExperimentResult): string {
  const { name, over, planned, failed, rows, first, failures } = result;
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
  const isJudged = rows.some(({ metric }) => metric === 'balanced_accuracy');
  const header = [
    'run',
    'runs',
    rows.find(({ metric }) => metric !== '')?.metric ?? 'mean',
    'from-to',
    ...(isJudged ? ['95 % interval', `lead over ${first}`, 'worst site'] : []),
    ...baselines,
  ];
  const shown = isJudged ? percent : plain;
  const lines = rows.map((row) => [
    rowName(row),
    `${row.runs} of ${row.planned}`,
    shown(row.mean),
    row.lowest === null ? '-' : `${shown(row.lowest)}-${shown(row.highest)}`,
    ...(isJudged ? [interval(row.pooled ?? undefined), lead(row.lead), percent(row.worst_site)] : []),
    ...baselines.map((one) => percent(row.baselines[one] ?? null)),
  ]);
  const count = `${name}: ${over} of ${planned} runs are over${failed > 0 ? `, ${failed} failed` : ''}`;
  const notes = failures.map(({ job, code, message }) => `${job} failed: ${code}: ${message}`);
  return [count, '', renderTable(header, lines), ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

/** What is left to do, before it is begun. */
export function renderPlan({ name, runs, over, tasks, bytes, seconds }: ExperimentPlan): string {
  const left = runs - over;
  const time =
    left === 0
      ? ''
      : seconds === null
        ? 'How long they take is known after the first one.'
        : `About ${hours(seconds)} by the runs that are over.`;
  return [
    `${name}: ${runs} runs, ${over} are over, ${left} are left`,
    `${tasks} tasks of sites, ${sizeText(bytes)} of models that a federation would carry`,
    time,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function hours(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

function plain(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(5)));
}

function lead(estimate: RowResult['lead']): string {
  return estimate ? `${percent(estimate.value)} (${interval(estimate)})` : '-';
}
