import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { ClassEvaluation } from '../runtime/evaluation/class-result.ts';
import { tumourOrNoneWords } from '../runtime/evaluation/presence.ts';
import type { Evaluation } from '../runtime/evaluation/result.ts';
import type { EstimateFigure } from '../runtime/evaluation/result-parts.ts';
import { interval, percent } from './figures.ts';
import { maskLines } from './mask-evaluation-text.ts';
import { renderTable } from './table.ts';

/** The answer first, then the figures behind it, for people. */
export function renderEvaluation({ folder, evaluation }: { folder: string; evaluation: Evaluation }): string {
  const { model, engine, headline, notes } = evaluation;
  const from = model.run_id === null ? shownPath(model.file) : `${model.job}/${model.run_id}`;
  return [
    headline.sentence,
    '',
    `${model.type} of ${from} on ${judgedOn(evaluation)}.`,
    '',
    ...(evaluation.task === 'segmentation' ? maskLines(evaluation) : classLines(evaluation)),
    ...notes.map((note) => `note: ${note}`),
    `engine   ${engine.name} on ${engine.device} (${engine.library})`,
    `written  ${shownPath(folder)}`,
    'For research only; not a medical device.',
  ].join('\n');
}

function judgedOn({ data }: Evaluation): string {
  const volumes =
    'volumes' in data && data.volumes !== data.subjects ? ` (${counted(data.volumes, 'volume')})` : '';
  return `the ${data.part} part: ${counted(data.subjects, 'subject')}${volumes} in ${counted(data.groups, 'group')} at ${counted(data.sites.length, 'site')}`;
}

function classLines(evaluation: ClassEvaluation): string[] {
  return [
    ...controlsTable(evaluation),
    classesTable(evaluation),
    '',
    ...presenceLines(evaluation),
    sitesTable(evaluation),
    '',
    ...ownModelsTable(evaluation),
    ...calibrationLine(evaluation),
    ...lesionLine(evaluation),
    ...scannerLines(evaluation),
  ];
}

function controlsTable({ controls, masked, figures, chance }: ClassEvaluation): string[] {
  const own = figures.balanced_accuracy;
  const rows = [
    ['model', percent(own?.value), interval(own), ''],
    ...Object.entries(masked).map(([name, figure]) => [
      `model, ${name}`,
      percent(figure?.value),
      interval(figure),
      '',
    ]),
    ...(controls ?? []).map(({ name, balanced_accuracy: figure, lead }) => [
      name,
      percent(figure?.value),
      interval(figure),
      interval(lead),
    ]),
    ['chance', (100 * chance).toFixed(1), '', ''],
  ];
  return [renderTable(['balanced accuracy', '%', '95 % interval', 'model leads by'], rows), ''];
}

function classesTable({ per_class: classes }: ClassEvaluation): string {
  const rows = classes.map(({ class: name, subjects, recall, auroc }) => [
    name,
    String(subjects),
    percent(recall?.value),
    interval(recall),
    percent(auroc?.value),
  ]);
  return renderTable(['class', 'subjects', 'recall %', '95 % interval', 'AUROC %'], rows);
}

function sitesTable({ per_site: sites }: ClassEvaluation): string {
  const rows = sites.map(
    ({ site, subjects, balanced_accuracy: figure, accuracy, undefined_because: why }) => [
      site,
      String(subjects),
      percent(figure?.value),
      interval(figure),
      percent(accuracy?.value),
      interval(accuracy),
      why ?? '',
    ],
  );
  return renderTable(
    ['site', 'subjects', 'balanced %', '95 % interval', 'accuracy %', '95 % interval', ''],
    rows,
  );
}

function presenceLines({ tumour_or_none: found }: ClassEvaluation): string[] {
  if (!found) return [];
  const show = (name: string, figure: EstimateFigure) =>
    `${name} ${percent(figure.value)} % ${bracket(figure)}`;
  return [...tumourOrNoneWords(found, show), ''];
}

function calibrationLine({ figures, calibration }: ClassEvaluation): string[] {
  const before = `expected calibration error ${percent(figures.ece?.value)} % ${bracket(figures.ece)}`;
  if (calibration.temperature === null) return [`${before}; temperature ${calibration.fitted_on}`];
  const after = figures['ece.calibrated'];
  const fit = `at temperature ${calibration.temperature.toFixed(2)} ${percent(after?.value)} % ${bracket(after)}`;
  return [`${before}, ${fit}`];
}

function lesionLine({ lesion_heat: heat }: ClassEvaluation): string[] {
  if (!heat) return [];
  const share = (value: number) => `${(100 * value).toFixed(0)} %`;
  return [
    `${share(heat.inside)} of the heat lies in or right beside the lesion, which is ${share(heat.area)} of the head; the hottest place is there for ${share(heat.hits)} of ${heat.subjects}`,
  ];
}

function scannerLines({ harmonisation }: ClassEvaluation): string[] {
  if (!harmonisation) return [];
  const { method, views, undefined_because: reason } = harmonisation;
  if (reason !== null) return [`harmonised by ${method}; scanners were not compared: ${reason}`];
  return views.flatMap(({ view, ...told }) =>
    (['scanner', 'class'] as const).map((what) => {
      const { before, after, change } = told[what];
      return `harmonised by ${method}: ${what} told by ${view} for ${percent(after.value)} %, before ${percent(before.value)} %, change ${percent(change.value)} ${bracket(change)}`;
    }),
  );
}

function bracket(figure: EstimateFigure | undefined): string {
  return `(${interval(figure)})`;
}

/** The model that each site ends with, beside the one that is judged. */
function ownModelsTable({ own_models: own }: ClassEvaluation): string[] {
  if (!own) return [];
  const rows = own.map(({ site, subjects, accuracy, global_accuracy: global, lead }) => [
    site,
    String(subjects),
    percent(accuracy.value),
    interval(accuracy),
    percent(global.value),
    interval(lead),
  ]);
  const head = [
    'model of the site itself',
    'subjects',
    'accuracy %',
    '95 % interval',
    'global %',
    'leads by',
  ];
  return [renderTable(head, rows), ''];
}
