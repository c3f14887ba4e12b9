import { type Html, html } from '../base/text/html.ts';
import { lineChart } from '../evaluation/report/charts/lines.ts';
import { interval, percent } from '../evaluation/report/figures.ts';
import { frame } from '../evaluation/report/page.ts';
import { rowKey, rowName } from './cells.ts';
import type { CellResult, ExperimentResult, RowResult } from './result.ts';

type Estimate = RowResult['pooled'];

/** An experiment on one page that needs no network: its table, and a curve for each row. */
export function experimentPage(result: ExperimentResult, cells: readonly CellResult[]): string {
  const { name, rows, over, planned, failed, first, failures } = result;
  const partitions = [...new Set(rows.map(({ partition }) => partition))];
  const body = html`<header><h1>${name}</h1><p>${over} of ${planned} runs are over${failed > 0 ? `, ${failed} failed` : ''}. The lead is over ${first}, on the same test images; shares are in %.</p></header>
${partitions.map((partition) =>
  section(
    partition,
    rows.filter((row) => row.partition === partition),
    cells,
  ),
)}
${failures.length > 0 ? html`<section><h2>Failed runs</h2><ul>${failures.map((one) => html`<li>${one.job}: ${one.code}: ${one.message}</li>`)}</ul></section>` : null}`;
  return frame(name, body);
}

function section(partition: string | null, rows: readonly RowResult[], cells: readonly CellResult[]): Html {
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
  const lines = rows.map((row, at) => ({ name: labelOf(row), values: curveOf(row, cells), main: at === 0 }));
  const isCounted = rows.some(({ metric }) => metric === 'balanced_accuracy');
  const shown = isCounted ? percent : plain;
  const head = [
    'run',
    'runs',
    'mean',
    'from',
    'to',
    'pooled',
    'lead',
    'worst site',
    ...baselines,
    'seconds',
    'MB',
  ];
  return html`<section><h2>${partition === null ? 'Results' : `Sites: ${partition}`}</h2>
<div class="scroll"><table><thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${labelOf(row)}</th><td>${row.runs} of ${row.planned}</td><td>${shown(row.mean)}</td><td>${shown(row.lowest)}</td><td>${shown(row.highest)}</td><td>${withInterval(row.pooled)}</td><td>${withInterval(row.lead)}</td><td>${percent(row.worst_site)}</td>${baselines.map((one) => html`<td>${percent(row.baselines[one] ?? null)}</td>`)}<td>${row.seconds === null ? '–' : row.seconds.toFixed(1)}</td><td>${row.bytes === null ? '–' : (row.bytes / 1e6).toFixed(1)}</td></tr>`,
  )}</tbody></table></div>
${lineChart(lines, { title: `${rows[0]?.metric ?? ''} by round`, x: 'round' })}</section>`;
}

function labelOf({ variant, values }: RowResult): string {
  return rowName({ partition: null, variant, values });
}

/** The key metric on validation images, mean over the seeds. */
function curveOf(row: RowResult, cells: readonly CellResult[]): (number | null)[] {
  const own = cells.filter((cell) => rowKey(cell) === rowKey(row));
  const longest = Math.max(0, ...own.map(({ curve }) => curve.length));
  return Array.from({ length: longest }, (_, round) => {
    const values = own.flatMap(({ curve }) => curve[round] ?? []);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

function plain(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}

function withInterval(estimate: Estimate): string {
  return estimate ? `${percent(estimate.value)} (${interval(estimate)})` : '–';
}
