import type { RowResult } from './result.ts';

/** The table of an experiment, a line for each row (RFC 4180). */
export function experimentCsv(rows: readonly RowResult[]): string {
  const settings = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
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
    'seconds',
    'bytes',
  ];
  const lines = rows.map((row) => [
    row.partition ?? '',
    row.variant,
    ...settings.map((name) => textOf(row.values[name])),
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
    row.seconds,
    row.bytes,
  ]);
  return `${[header, ...lines].map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** A text that a spreadsheet would take for a formula is led by an apostrophe, as OWASP advises. */
function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
