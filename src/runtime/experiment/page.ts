import { type Html, html } from '../base/text/html.ts';
import { lineChart } from '../evaluation/report/charts/lines.ts';
import { interval, percent } from '../evaluation/report/figures.ts';
import { frame } from '../evaluation/report/page.ts';
import { rowKey, rowName } from './cells.ts';
import { type CurvePoint, meanCurve } from './curves.ts';
import type { PartitionResult } from './partitions.ts';
import type { CellResult, ExperimentResult, RowResult } from './result.ts';

type Estimate = RowResult['pooled'];

/** An experiment on one page that needs no network: its table, and a curve for each row. */
export function experimentPage(result: ExperimentResult, cells: readonly CellResult[]): string {
  const { name, rows, over, planned, failed, first, failures } = result;
  const partitions = [...new Set(rows.map(({ partition }) => partition))];
  const unlike = new Map(result.partitions.map((one) => [one.partition, one]));
  const body = html`<header><h1>${name}</h1><p>${over} of ${planned} runs are over${failed > 0 ? `, ${failed} failed` : ''}. The lead is over ${first}, on the same test images; shares are in %.${baselineText(result)}</p></header>
${partitions.map((partition) =>
  section(
    { partition, unlike: unlike.get(partition) },
    rows.filter((row) => row.partition === partition),
    cells,
  ),
)}
${failures.length > 0 ? html`<section><h2>Failed runs</h2><ul>${failures.map((one) => html`<li>${one.job}: ${one.code}: ${one.message}</li>`)}</ul></section>` : null}`;
  return frame(name, body);
}

/** Whose recipe trained the models that the runs are held against. */
function baselineText({ rows, first, baseline_recipe: recipe }: ExperimentResult): string {
  if (rows.every(({ baselines }) => Object.keys(baselines).length === 0)) return '';
  const whose = recipe === 'own' ? "each run's own recipe" : `the recipe of ${first}, for all variants`;
  return ` Baselines are trained with ${whose}.`;
}

function section(
  { partition, unlike }: { partition: string | null; unlike: PartitionResult | undefined },
  rows: readonly RowResult[],
  cells: readonly CellResult[],
): Html {
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
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
    ...(isCounted
      ? [
          'lead over control',
          'lead over the pooled model',
          'lowest recall',
          'calibration error',
          'sites worse than alone',
        ]
      : []),
    'images seen',
    'steps',
    'seconds',
    'MB',
  ];
  return html`<section><h2>${partition === null ? 'Results' : `Sites: ${partition}`}</h2>
${unlike ? unlikeTable(unlike) : null}
<div class="scroll" tabindex="0"><table><thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${labelOf(row)}</th><td>${row.runs} of ${row.planned}</td><td>${shown(row.mean)}</td><td>${shown(row.lowest)}</td><td>${shown(row.highest)}</td><td>${withInterval(row.pooled)}</td><td>${withInterval(row.lead)}</td><td>${percent(row.worst_site)}</td>${baselines.map((one) => html`<td>${percent(row.baselines[one] ?? null)}</td>`)}${isCounted ? against(row) : null}<td>${whole(row.work.images_seen)}</td><td>${whole(row.work.steps)}</td><td>${row.seconds === null ? '–' : row.seconds.toFixed(1)}</td><td>${row.bytes === null ? '–' : (row.bytes / 1e6).toFixed(1)}</td></tr>`,
  )}</tbody></table></div>
${charts(rows, cells)}</section>`;
}

/** What a study is held against. */
function against({ against: held }: RowResult): Html {
  const recall = held?.lowest_recall;
  const cells = [
    withInterval(held?.lead_over_control ?? null),
    withInterval(held?.lead_over_pooled ?? null),
    recall ? `${recall.class} ${withInterval(recall.recall)}` : '–',
    withInterval(held?.calibration_error ?? null),
    held && held.judged_sites > 0 ? `${held.worse_than_local} of ${held.judged_sites}` : '–',
  ];
  return html`${cells.map((text) => html`<td>${text}</td>`)}`;
}

/** How unlike the sites are, above what was reached with them. */
function unlikeTable({
  sites,
  smallest,
  largest,
  effective_sites: equal,
  unlikeness,
}: PartitionResult): Html {
  const head = [
    'unlike in',
    'Jensen-Shannon',
    'at most',
    'Hellinger',
    'EMD',
    'bits that the site tells',
    'by chance',
  ];
  return html`<p>${sites} sites of ${smallest} to ${largest} images, as ${equal.toFixed(1)} of one size would have. Distances between two sites, 0 to 1, are means over all pairs.</p>
<div class="scroll" tabindex="0"><table><thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${unlikeness.map(
    (one) =>
      html`<tr><th scope="row">${one.of}</th>${[one.jensen_shannon, one.jensen_shannon_largest, one.hellinger, one.emd].map((value) => html`<td>${value.toFixed(2)}</td>`)}<td>${one.information.toFixed(2)} of ${one.entropy.toFixed(2)}</td><td>${one.by_chance.toFixed(2)}</td></tr>`,
  )}</tbody></table></div>`;
}

/** The key metric on validation images, mean over the seeds, by what it took. */
function charts(rows: readonly RowResult[], cells: readonly CellResult[]): Html[] {
  const byRow = Map.groupBy(
    cells.filter(({ failure }) => !failure),
    rowKey,
  );
  const curves = rows.map((row, at) => {
    return { name: labelOf(row), points: meanCurve(byRow.get(rowKey(row)) ?? []), main: at === 0 };
  });
  const isTimed = curves.every(({ points }) => points.every(({ seconds }) => seconds !== null));
  const axes: readonly (readonly [string, (point: CurvePoint) => number])[] = [
    ['round', ({ round }) => round],
    ['MB carried', ({ bytes }) => bytes / 1e6],
    ...(isTimed ? [['seconds of training', ({ seconds }: CurvePoint) => seconds ?? 0] as const] : []),
  ];
  const metric = cells.find(({ metric: name }) => name !== '')?.metric ?? '';
  return axes.map(([x, read]) => {
    const lines = curves.map(({ name, points, main }) => {
      return { name, main, values: points.map(({ value }) => value), at: points.map(read) };
    });
    return lineChart(lines, { title: `${metric} by ${x}`, x });
  });
}

function labelOf({ variant, values }: RowResult): string {
  return rowName({ partition: null, variant, values });
}

function whole(value: number | null): string {
  return value === null ? '–' : String(Math.round(value));
}

function plain(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}

function withInterval(estimate: Estimate): string {
  return estimate ? `${percent(estimate.value)} (${interval(estimate)})` : '–';
}
