import { type Html, html } from '../../../base/text/html.ts';
import type { DataStatistics } from '../../../run/data-statistics.ts';
import { lineChart } from '../charts/lines.ts';
import { decimal, percent } from '../figures.ts';
import type { ReportSource } from '../gather.ts';

type Feature = DataStatistics['features'][number];

/** What the data of all sites are like, where the job asked for it. */
export function dataStatisticsSection({ summary }: ReportSource): Html | null {
  const { data_statistics: found } = summary;
  if (!found) return null;
  const { people, sites, withheld, tables, features, left_out: leftOut } = found;
  const names = Object.keys(sites);
  return html`<section><h2>Data of all sites</h2>
<p class="lead">${people} people at ${names.length} sites, added of sums and counts that the sites told. Counts of few people, and what they would follow from, are withheld.</p>
${withheld.length > 0 ? html`<p class="notice">${withheld.join(', ')} told nothing: fewer people than the site lets be counted.</p>` : null}
${leftOut.length > 0 ? html`<p class="notice">Told in another form, and left out: ${leftOut.join('; ')}.</p>` : null}
${tables.map(
  ({ name, values }) =>
    html`<div class="scroll" tabindex="0"><table><thead><tr><th>${name}</th><th>all</th><th>%</th>${names.map((site) => html`<th>${site}</th>`)}</tr></thead><tbody>${values.map(
      (one) =>
        html`<tr><td>${one.value}</td><td>${one.people}</td><td>${percent(one.share)}</td>${names.map((site) => html`<td>${one.sites[site] ?? 'withheld'}</td>`)}</tr>`,
    )}</tbody></table></div>`,
)}
<div class="scroll" tabindex="0"><table><thead><tr><th>figure</th><th>people</th><th>mean</th><th>sd</th>${Object.keys(features[0]?.quantiles ?? {}).map((name) => html`<th>${name}</th>`)}${names.map((site) => html`<th>mean, ${site}</th>`)}</tr></thead><tbody>${features.map(
    (one) =>
      html`<tr><td>${one.name}</td><td>${one.people}</td>${[one.mean, one.sd, ...Object.values(one.quantiles), ...names.map((site) => one.sites[site]?.mean ?? null)].map((value) => html`<td>${decimal(value)}</td>`)}</tr>`,
  )}</tbody></table></div>
${features.map(histogramChart)}</section>`;
}

/** People by the middle of each step of the range. */
function histogramChart({ name, from, to, histogram, people, in_histogram: counted }: Feature): Html {
  const steps = histogram.slice(1, -1);
  const width = (to - from) / steps.length;
  const at = steps.map((_, step) => from + width * (step + 0.5));
  const note =
    counted < people ? html`<p class="notice">${people - counted} of ${people} are withheld.</p>` : null;
  const line = { name: 'people', values: steps, at, main: true };
  return html`<h3>${name}</h3>${note}${lineChart([line], { title: `people by ${name}`, x: name })}`;
}
