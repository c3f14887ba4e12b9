import { prettyJson } from '../../../base/digest.ts';
import type { MetricReport } from '../../../base/logging/metrics.ts';
import { sum } from '../../../base/sum.ts';
import { counted } from '../../../base/text/counted.ts';
import { type Html, html } from '../../../base/text/html.ts';
import type { RunSummary } from '../../../run/run-report.ts';
import { isShare } from '../../../run/shares.ts';
import type { Evaluation } from '../../result.ts';
import { type Line, lineChart } from '../charts/lines.ts';
import { classTitle, shortDigest } from '../figures.ts';
import type { ReportSource, RoundLine } from '../gather.ts';

/** How the global model came to be: the key metric and the loss, round by round, over all sites and at each. */
export function curvesSection({ summary, rounds }: ReportSource): Html | null {
  if (rounds.length === 0) return null;
  const { metric, sites } = summary;
  const chart = (name: string, range?: [number, number]) => {
    const lines = linesOf(rounds, sites, name);
    if (lines.every(({ values }) => values.every((value) => value === null))) return null;
    const options = {
      title: `${name} by round`,
      x: 'global model (0 is the initial one)',
      ...(range && { range }),
    };
    return html`<h3>${name.replaceAll('_', ' ')} on validation images</h3>${lineChart(lines, options)}`;
  };
  return html`<section><h2>Training</h2>
<p class="lead">Every site scores each global model on its own validation images before it trains on.</p>
${chart(metric, isShare(metric) ? [0, 1] : undefined)}${metric === 'loss' ? null : chart('loss')}</section>`;
}

function linesOf(rounds: readonly RoundLine[], sites: readonly string[], name: string): Line[] {
  return [
    ...sites.map((site) => ({
      name: site,
      values: rounds.map((line) => numberOf(line.sites[site]?.metrics, name)),
    })),
    { name: 'all sites', values: rounds.map(({ metrics }) => numberOf(metrics, name)), main: true },
  ];
}

function numberOf(metrics: MetricReport | undefined, name: string): number | null {
  const value = metrics?.[name];
  return typeof value === 'number' ? value : null;
}

export function dataSection({ evaluation, card }: ReportSource): Html | null {
  if (!evaluation) return null;
  const { data } = evaluation;
  const { columns, counts } = countsOf(evaluation);
  const rows = data.sites.map(
    (site) => html`<tr><td>${site}</td>${counts(site).map((count) => html`<td>${count}</td>`)}</tr>`,
  );
  return html`<section><h2>Data</h2>
<p>${data.trained_on === null ? null : html`${counted(data.trained_on, 'subject was', 'subjects were')} trained on, `}${data.subjects} judged, in ${counted(data.groups, 'group')}${data.largest_group === null ? null : html` (the largest has ${data.largest_group})`}; images of one group never stand on both sides of the split.
Computed groups are a lower bound on what belongs to one patient.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th>${data.part} part</th>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>
<p class="notice">participants.tsv <code>${shortDigest(data.participants_sha256)}</code>, split <code>${shortDigest(data.split_sha256)}</code>${card.warnings.length > 0 ? html`<br>${card.warnings.join('; ')}` : null}</p></section>`;
}

/** What is counted of each site. */
function countsOf(evaluation: Evaluation): { columns: string[]; counts: (site: string) => number[] } {
  if (evaluation.task === 'segmentation') {
    const { per_site: own } = evaluation.data;
    return {
      columns: ['volumes', 'with a label'],
      counts: (site) => [own[site]?.volumes ?? 0, own[site]?.with_a_label ?? 0],
    };
  }
  const { classes, data } = evaluation;
  return {
    columns: [...classes.map(classTitle), 'all'],
    counts: (site) => {
      const own = classes.map((name) => data.per_site[site]?.[name] ?? 0);
      return [...own, sum(own)];
    },
  };
}

export function recordSection({ card, summary, evaluation }: ReportSource): Html {
  const rows: [string, Html | string][] = [
    ['run', `${summary.job}/${summary.run_id}, ${summary.status}`],
    [
      'rounds and sites',
      `${counted(summary.rounds, 'round')}, ${counted(summary.sites.length, 'site')}${missedText(summary)}`,
    ],
    ...(card.parent
      ? ([['goes on from', `the run ${card.parent.run_id}, after round ${card.parent.round}`]] satisfies [
          string,
          string,
        ][])
      : []),
    ...(card.resumed ?? []).map(({ time, by, round, ended_by: code }): [string, string] => [
      'resumed',
      `after round ${round} by ${by}, ${time}${code === null ? '' : ` (it had ended with ${code})`}`,
    ]),
    ['seed', String(card.job.seed)],
    ['engine of the sites', enginesOf(summary)],
    ...(evaluation
      ? ([
          [
            'engine of the evaluation',
            `${evaluation.engine.name} on ${evaluation.engine.device} (${evaluation.engine.library})`,
          ],
          [
            'model judged',
            html`${evaluation.model.type}, ${sizeOf(evaluation)}, <code>${shortDigest(evaluation.model.sha256)}</code>`,
          ],
          ...('federated' in evaluation && evaluation.federated
            ? []
            : ([
                ['resampling of losses', `${evaluation.replicates} draws of groups, seed ${evaluation.seed}`],
              ] satisfies [string, string][])),
        ] satisfies [string, Html | string][])
      : []),
    ['job bundle', html`<code>${shortDigest(card.bundle_sha256)}</code>`],
    [
      'software',
      Object.entries(card.software)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['begun', card.created],
  ];
  return html`<section><h2>Record</h2>
<div class="scroll" tabindex="0"><table><tbody>${rows.map(([name, value]) => html`<tr><td>${name}</td><td class="text">${value}</td></tr>`)}</tbody></table></div>
<details><summary>Job as it ran</summary><pre>${prettyJson(card.job)}</pre></details>
${summary.failures.length > 0 ? html`<h3>Failures of sites</h3><ul>${summary.failures.map(({ site, round, code, message }) => html`<li>${site}, round ${round}: ${code}, ${message}</li>`)}</ul>` : null}
${evaluation && evaluation.notes.length > 0 ? html`<h3>Notes</h3><ul>${evaluation.notes.map((note) => html`<li>${note}</li>`)}</ul>` : null}</section>`;
}

function sizeOf({ model }: Evaluation): string {
  if ('patch' in model) return `patches of ${model.patch.join(' x ')} voxels`;
  const { image_size: side, dimensions } = model;
  return dimensions === 3 ? `volumes of ${side} x ${side} x ${side} voxels` : `${side} px`;
}

function enginesOf({ engines }: RunSummary): string {
  const all = Object.values(engines).map(({ name, device, library }) => `${name} on ${device} (${library})`);
  return [...new Set(all)].join('; ') || 'none: the job computes without one';
}

/** Sites whose results are not in all models that were scored. */
function missedText({ sites, models }: ReportSource['summary']): string {
  const counts = sites.map((site) => ({ site, count: models.filter((model) => site in model.sites).length }));
  const missed = counts.filter(({ count }) => count < models.length);
  if (missed.length === 0) return '';
  const shown = missed
    .slice(0, 5)
    .map(({ site, count }) => `${site} answered ${count} of ${counted(models.length, 'time')}`);
  return `; ${[...shown, ...(missed.length > 5 ? [`${missed.length - 5} more missed some`] : [])].join(', ')}`;
}
