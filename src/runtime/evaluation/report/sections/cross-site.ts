import { type Html, html } from '../../../base/text/html.ts';
import { goalByName } from '../../../job/key-metric.ts';
import type { CrossSiteEvaluation } from '../../../run/cross-site.ts';
import { isShare } from '../../../run/shares.ts';
import { meanOfCounts } from '../../../statistics/counted-shares.ts';
import { decimal, interval, percent } from '../figures.ts';
import type { ReportSource } from '../gather.ts';

type Row = CrossSiteEvaluation[number];
type Score = Row['scores'][string];

/** Every site's last model, and the global one, on every site's validation images, where the job asked for it. */
export function crossSiteSection({ summary, card }: ReportSource): Html | null {
  const { cross_site_evaluation: rows, metric } = summary;
  if (!rows) return null;
  const goal = card.job.workflow.key_metric_goal ?? goalByName(metric);
  const sites = sitesOf(rows);
  const show = isShare(metric) ? percent : decimal;
  const head = sites.map((site) => html`<th>on ${site}</th>`);
  const body = rows.map(({ model, scores }) => {
    const cells = sites.map((site) => scoreCell(scores[site], { metric, show, isOwn: site === model }));
    const known = sites.flatMap((site) => scores[site]?.metrics?.[metric] ?? []);
    const worst = goal === 'maximize' ? Math.min(...known) : Math.max(...known);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const over = known.length > 0 ? [mean, worst] : [null, null];
    return html`<tr><td>${model ?? 'all sites (global)'}</td>${over.map((value) => html`<td>${show(value)}</td>`)}${cells}</tr>`;
  });
  return html`<section><h2>Models at other sites</h2>
<p class="lead">${metric.replaceAll('_', ' ')}${isShare(metric) ? ', in %,' : ''} of the last model of each site and of the global one on the validation images of every site. These images chose the model, so the figures are no
proof of how good it is; they show what a model loses away from its own site (in bold). Intervals (95 %) take each image as a draw of its own.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th>model of</th><th>mean over sites</th><th>worst site</th>${head}</tr></thead><tbody>${body}</tbody></table></div>
${reasons(rows)}</section>`;
}

function sitesOf(rows: CrossSiteEvaluation): string[] {
  return [...new Set(rows.flatMap(({ scores }) => Object.keys(scores)))];
}

/** A figure with its interval and the number of its images. */
export function scoreCell(
  score: Score | undefined,
  {
    metric,
    show,
    isOwn,
  }: { readonly metric: string; readonly show: (value: number | null) => string; readonly isOwn: boolean },
): Html {
  const value = show(score?.metrics?.[metric] ?? null);
  const shares = score?.shares?.[metric];
  const range = shares ? interval(meanOfCounts(shares)) : '–';
  const examples = score?.num_examples;
  const notes = [
    ...(range === '–' ? [] : [range]),
    ...(examples === undefined ? [] : [`n ${examples.toLocaleString('en')}`]),
  ];
  return html`<td>${isOwn ? html`<b>${value}</b>` : value}${notes.length > 0 ? html`<br><span class="notice">${notes.join(', ')}</span>` : null}</td>`;
}

export function reasonItem(site: string, what: string, reason: string): Html {
  return html`<li>${site} gave no figures of ${what}: ${reason}</li>`;
}

function reasons(rows: CrossSiteEvaluation): Html | null {
  const found = rows.flatMap(({ model, scores }) =>
    Object.entries(scores).flatMap(([site, { reason }]) =>
      reason === undefined
        ? []
        : [reasonItem(site, model === null ? 'the global model' : `the model of ${model}`, reason)],
    ),
  );
  return found.length > 0 ? html`<ul>${found}</ul>` : null;
}
