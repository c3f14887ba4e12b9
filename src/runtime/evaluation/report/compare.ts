import { flError } from '../../base/errors/errors.ts';
import { counted } from '../../base/text/counted.ts';
import { type Html, html } from '../../base/text/html.ts';
import type { RunFolder } from '../../run/run-folder.ts';
import { comparePaired, readPredictions } from '../paired.ts';
import { EVALUATION_FOLDER, type Evaluation, headlineFigure, type Paired } from '../result.ts';
import type { EstimateFigure } from '../result-parts.ts';
import { type IntervalRow, intervalChart } from './charts/intervals.ts';
import { lineChart } from './charts/lines.ts';
import { classTitle, HEADLINE_TITLES, interval, percent, shortDigest } from './figures.ts';
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
  const title = titleOf(runs);
  const rows: IntervalRow[] = [
    { label: first, figure: paired.own, kind: 'model' },
    { label: second, figure: paired.other, kind: 'strong' },
  ];
  const body = html`<header><h1>Two runs compared</h1><p>${first} and ${second}</p></header>
<section class="verdict ${verdictOf(paired)}"><p class="answer">${sentence}</p>
<p class="sentence">${first} leads by ${percent(paired.lead.value)} points of ${title.toLowerCase()} (95 % interval ${interval(paired.lead)}), on ${counted(paired.subjects, 'subject')} in ${counted(paired.groups, 'group')} that both were judged on, paired within draws of groups.
It is worse by at most ${percent(paired.worse_by_at_most)} points (one-sided 95 % bound).</p></section>
<section><h2>${title}</h2>${intervalChart(rows, { title: `${title} of both runs` })}</section>
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

/** Both are judged, and by the same figure: they were compared by it. */
function titleOf([{ evaluation }]: readonly [ReportSource, ReportSource]): string {
  return HEADLINE_TITLES[evaluation ? headlineFigure(evaluation).metric : 'balanced_accuracy'];
}

function figuresTable(runs: readonly ReportSource[], names: readonly string[]): Html {
  const cells = (value: (evaluation: Evaluation) => string) =>
    runs.map(({ evaluation }) => html`<td>${evaluation ? value(evaluation) : '–'}</td>`);
  const [evaluation] = runs.flatMap((run) => run.evaluation ?? []);
  const rows: [string, Html[]][] = [
    ...(evaluation ? shownFigures(evaluation) : []).map(([name, key]): [string, Html[]] => [
      name,
      cells((one) => percentOf(allFigures(one)[key])),
    ]),
    ['strongest control', cells(strongestOf)],
    ['rounds', runs.map(({ summary }) => html`<td>${summary.rounds}</td>`)],
    ['sites', runs.map(({ summary }) => html`<td>${summary.sites.length}</td>`)],
    ['seed', runs.map(({ card }) => html`<td>${card.job.seed}</td>`)],
    ['model', cells(({ model }) => `${model.type}, ${shortDigest(model.sha256)}`)],
    ['split', cells(({ data }) => shortDigest(data.split_sha256))],
  ];
  return html`<section><h2>Figures</h2><div class="scroll" tabindex="0"><table><thead><tr><td></td>${names.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map(([name, values]) => html`<tr><td>${name}</td>${values}</tr>`)}</tbody></table></div></section>`;
}

/** Titles and keys of `allFigures`. */
function shownFigures(evaluation: Evaluation): [string, string][] {
  if (evaluation.task === 'segmentation')
    return [
      ['Dice', 'dice'],
      ['without a label, none found', 'specificity'],
      ...evaluation.labels.flatMap((label): [string, string][] => [
        [`Dice, ${label}`, `${label}.dice`],
        [`lesions found, ${label}`, `${label}.lesion_sensitivity`],
      ]),
    ];
  return [
    ['balanced accuracy', 'balanced_accuracy'],
    ['AUROC', 'auroc'],
    ...evaluation.classes.map((name): [string, string] => [`recall, ${classTitle(name)}`, `recall.${name}`]),
    ['calibration error', 'ece.last'],
  ];
}

function allFigures(evaluation: Evaluation): Readonly<Record<string, EstimateFigure | undefined>> {
  const { figures } = evaluation;
  if (evaluation.task === 'classification')
    return { ...figures, 'ece.last': figures['ece.calibrated'] ?? figures.ece };
  const ofLabels = evaluation.per_label.flatMap(({ label, figures: own }) =>
    Object.entries(own).map(([name, figure]) => [`${label}.${name}`, figure] as const),
  );
  return { ...figures, ...Object.fromEntries(ofLabels) };
}

function strongestOf(evaluation: Evaluation): string {
  if (evaluation.task === 'segmentation') {
    const { strongest_control: strongest } = evaluation.headline;
    return strongest ? `${strongest.name} ${percent(strongest.dice.value)}` : '–';
  }
  const { strongest_control: strongest } = evaluation.headline;
  return strongest ? `${strongest.name} ${percent(strongest.balanced_accuracy.value)}` : '–';
}

function percentOf(figure: EstimateFigure | undefined): string {
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
