import { DISTANCES } from '../../preprocess/split/heterogeneity.ts';
import { printable } from '../base/text/printable.ts';
import type { CurvePoint } from './curves.ts';
import type { PartitionResult } from './partitions.ts';
import type { RowResult } from './result.ts';

/** The table of an experiment, a line for each row (RFC 4180). */
export function experimentCsv(rows: readonly RowResult[], partitions: readonly PartitionResult[]): string {
  const settings = settingsOf(rows);
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
  const things = [...new Set(partitions.flatMap(({ unlikeness }) => unlikeness.map(({ of }) => of)))];
  const header = [
    'partition',
    'variant',
    ...settings,
    'runs',
    'planned',
    'failed',
    'metric',
    'mean',
    'lowest',
    'highest',
    'pooled',
    'pooled_low',
    'pooled_high',
    'lead',
    'lead_low',
    'lead_high',
    'worst_site',
    ...baselines,
    ...baselines.map((name) => `${name}_images_seen`),
    ...AGAINST,
    'images_seen',
    'steps',
    'seconds',
    'bytes',
    ...(partitions.length > 0 ? ['sites', 'smallest_site', 'largest_site', 'effective_sites'] : []),
    ...things.flatMap((of) => DISTANCES.map((kind) => `${of}_${kind}`)),
  ];
  const lines = rows.map((row) => [
    ...named(row, settings),
    row.runs,
    row.planned,
    row.failed,
    row.metric,
    row.mean,
    row.lowest,
    row.highest,
    ...[row.pooled, row.lead].flatMap((one) => [one?.value, one?.low, one?.high]),
    row.worst_site,
    ...baselines.map((name) => row.baselines[name]),
    ...baselines.map((name) => row.baseline_work[name]?.images_seen),
    ...againstCells(row),
    row.work.images_seen,
    row.work.steps,
    row.seconds,
    row.bytes,
    ...unlikeCells(partitions, row, things),
  ]);
  return csv(header, lines);
}

const AGAINST = [
  'lead_over_control',
  'lead_over_control_low',
  'lead_over_pooled',
  'lead_over_pooled_low',
  'lead_over_pooled_high',
  'lowest_recall_of',
  'lowest_recall',
  'lowest_recall_low',
  'calibration_error',
  'calibration_error_high',
  'kept_models',
  'worse_than_local',
];

function againstCells({ against }: RowResult): Cell[] {
  const { lead_over_control: lead, lowest_recall: recall, calibration_error: calibration } = against ?? {};
  const pooled = against?.lead_over_pooled;
  return [
    lead?.value,
    lead?.low,
    pooled?.value,
    pooled?.low,
    pooled?.high,
    recall?.class,
    recall?.recall.value,
    recall?.recall.low,
    calibration?.value,
    calibration?.high,
    against?.kept,
    against && against.judged_sites > 0 ? against.worse_than_local : null,
  ];
}

function unlikeCells(
  partitions: readonly PartitionResult[],
  { partition }: RowResult,
  things: readonly string[],
): (number | undefined)[] {
  if (partitions.length === 0) return [];
  const own = partitions.find((one) => one.partition === partition);
  const distances = things.flatMap((of) => {
    const found = own?.unlikeness.find((one) => one.of === of);
    return DISTANCES.map((kind) => found?.[kind]);
  });
  return [own?.sites, own?.smallest, own?.largest, own?.effective_sites, ...distances];
}

/** The curves of all runs, a line for each model: its value, and the rounds, bytes and seconds that it took to make it. */
export function curvesCsv(
  runs: readonly (Named & {
    readonly seed: number;
    readonly metric: string;
    readonly points: readonly CurvePoint[];
  })[],
): string {
  const settings = settingsOf(runs);
  const header = [
    'partition',
    'variant',
    ...settings,
    'seed',
    'metric',
    'round',
    'bytes',
    'seconds',
    'value',
  ];
  const lines = runs.flatMap((run) =>
    run.points.map(({ round, bytes, seconds, value }) => [
      ...named(run, settings),
      run.seed,
      run.metric,
      round,
      bytes,
      seconds,
      value,
    ]),
  );
  return csv(header, lines);
}

type Named = Pick<RowResult, 'partition' | 'variant' | 'values'>;
type Cell = string | number | null | undefined;

function settingsOf(rows: readonly Named[]): string[] {
  return [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
}

function named({ partition, variant, values }: Named, settings: readonly string[]): string[] {
  return [partition ?? '', variant, ...settings.map((name) => textOf(values[name]))];
}

function csv(header: readonly string[], lines: readonly (readonly Cell[])[]): string {
  return `${[header, ...lines].map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** A text that a spreadsheet would take for a formula is led by an apostrophe, as OWASP advises; what a terminal would obey is written out. */
function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const shown = printable(value);
  const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${shown}` : shown;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
