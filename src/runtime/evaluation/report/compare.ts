import { flError } from '../../base/errors/errors.ts';
import { counted } from '../../base/text/counted.ts';
import { type Html, html } from '../../base/text/html.ts';
import type { RunFolder } from '../../run/run-folder.ts';
import { comparePaired, readPredictions } from '../paired.ts';
import { EVALUATION_FOLDER, type Evaluation, type Paired } from '../result.ts';
import { type IntervalRow, intervalChart } from './charts/intervals.ts';
import { lineChart } from './charts/lines.ts';
import { classTitle, interval, percent, shortDigest } from './figures.ts';
import type { ReportSource } from './gather.ts';
import { frame } from './page.ts';

/** A run of a comparison, judged. */
export interface ComparedRun {
  readonly folder: RunFolder;
  readonly source: ReportSource;
}

/** The paired comparison of two judged runs. @throws NF_COMPARE_NOT_JUDGED, NF_COMPARE_SUBJECTS */
export async function pairRuns(one: ComparedRun, other: ComparedRun): Promise<Paired> {
  for (const { source } of [one, other]) {
    const { job, run_id: id } = source.summary;
    if (!source.evaluation) throw flError('NF_COMPARE_NOT_JUDGED', { run: `${job}/${id}` });
  }
  const [first, second] = await Promise.all(
    [one, other].map(({ folder }) => readPredictions(folder.at(EVALUATION_FOLDER))),
  );
  if (!first || !second) throw flError('NF_COMPARE_SUBJECTS');
  return comparePaired(first, second);
}

/** Two runs side by side, the paired difference first. */
export function renderComparison(
  runs: readonly [ReportSource, ReportSource],
  paired: Paired,
): { page: string; sentence: string } {
  const names = runs.map(({ summary }) => `${summary.job}/${summary.run_id}`);
  const [first = '', second = ''] = names;
  const sentence = sentenceOf(paired, [first, second]);
  const rows: IntervalRow[] = [
    { label: first, figure: paired.own, kind: 'model' },
    { label: second, figure: paired.other, kind: 'strong' },
  ];
  const body = html`<header><h1>Two runs compared</h1><p>${first} and ${second}</p></header>
<section class="verdict ${verdictOf(paired)}"><p class="answer">${sentence}</p>
<p class="sentence">${first} leads by ${percent(paired.lead.value)} points of balanced accuracy (95 % interval ${interval(paired.lead)}), on ${counted(paired.subjects, 'subject')} in ${counted(paired.groups, 'group')} that both were judged on, paired within draws of groups.
It is worse by at most ${percent(paired.worse_by_at_most)} points (one-sided 95 % bound).</p></section>
<section><h2>Balanced accuracy</h2>${intervalChart(rows, { title: 'Balanced accuracy of both runs' })}</section>
${figuresTable(runs, names)}${curves(runs, names)}`;
  return { page: frame(`${first} and ${second}`, body), sentence };
}

function verdictOf({ lead }: Paired): string {
  if (lead.low !== null && lead.low > 0) return 'beats_controls';
  return lead.high !== null && lead.high < 0 ? 'below_controls' : 'not_shown';
}

function sentenceOf({ lead }: Paired, [first, second]: readonly [string, string]): string {
  if (lead.low !== null && lead.low > 0) return `${first} is better.`;
  if (lead.high !== null && lead.high < 0) return `${second} is better.`;
  return 'Neither run is shown to be better.';
}

function figuresTable(runs: readonly ReportSource[], names: readonly string[]): Html {
  const cells = (value: (evaluation: Evaluation) => string) =>
    runs.map(({ evaluation }) => html`<td>${evaluation ? value(evaluation) : '–'}</td>`);
  const classes = runs[0]?.evaluation?.classes ?? [];
  const rows: [string, Html[]][] = [
    ['balanced accuracy', cells(({ figures }) => percentOf(figures.balanced_accuracy))],
    ['AUROC', cells(({ figures }) => percentOf(figures.auroc))],
    ...classes.map((name): [string, Html[]] => [
      `recall, ${classTitle(name)}`,
      cells(({ figures }) => percentOf(figures[`recall.${name}`])),
    ]),
    ['calibration error', cells(({ figures }) => percentOf(figures['ece.calibrated'] ?? figures.ece))],
    [
      'strongest control',
      cells(({ headline }) =>
        headline.strongest_control
          ? `${headline.strongest_control.name} ${percent(headline.strongest_control.balanced_accuracy.value)}`
          : '–',
      ),
    ],
    ['rounds', runs.map(({ summary }) => html`<td>${summary.rounds}</td>`)],
    ['sites', runs.map(({ summary }) => html`<td>${summary.sites.length}</td>`)],
    ['seed', runs.map(({ card }) => html`<td>${card.job.seed}</td>`)],
    ['model', cells(({ model }) => `${model.type}, ${shortDigest(model.sha256)}`)],
    ['split', cells(({ data }) => shortDigest(data.split_sha256))],
  ];
  return html`<section><h2>Figures</h2><div class="scroll" tabindex="0"><table><thead><tr><td></td>${names.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map(([name, values]) => html`<tr><td>${name}</td>${values}</tr>`)}</tbody></table></div></section>`;
}

function percentOf(figure: Evaluation['figures'][string] | undefined): string {
  return `${percent(figure?.value)} (${interval(figure)})`;
}

function curves(runs: readonly ReportSource[], names: readonly string[]): Html {
  const metric = runs[0]?.summary.metric ?? '';
  const lines = runs.map(({ summary }, at) => ({
    name: names[at] ?? '',
    values: summary.models.map(({ pooled }) => pooled),
    main: at === 0,
  }));
  return html`<section><h2>${metric.replaceAll('_', ' ')} on validation images</h2>
${lineChart(lines, { title: `${metric} by round`, x: 'global model' })}</section>`;
}
