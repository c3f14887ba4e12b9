import type { EstimateFigure } from '../runtime/evaluation/result-parts.ts';
import type { MaskEvaluation } from '../runtime/evaluation/segmentation/mask-result.ts';
import { interval, percent } from './figures.ts';
import { renderTable } from './table.ts';

/** What a model that labels voxels came to. */
export function maskLines(evaluation: MaskEvaluation): string[] {
  return [controlsTable(evaluation), '', labelsTable(evaluation), '', sitesTable(evaluation), ''];
}

function controlsTable({ controls, figures }: MaskEvaluation): string {
  const rows = [
    ['model', percent(figures.dice?.value), interval(figures.dice), ''],
    ...(controls ?? []).map(({ name, dice, lead }) => [
      name,
      percent(dice.value),
      interval(dice),
      interval(lead),
    ]),
  ];
  return renderTable(['Dice', '%', '95 % interval', 'model leads by'], rows);
}

function labelsTable({ per_label: labels }: MaskEvaluation): string {
  const rows = labels.map(({ label, volumes, lesions, figures }) => [
    label,
    String(volumes),
    percent(figures.dice?.value),
    interval(figures.dice),
    millimetres(figures.hd95),
    String(lesions),
    percent(figures.lesion_sensitivity?.value),
    percent(figures.lesion_dice?.value),
    percent(figures.specificity?.value),
  ]);
  const head = [
    'label',
    'volumes',
    'Dice %',
    '95 % interval',
    'HD95 mm',
    'lesions',
    'found %',
    'lesion Dice %',
    'without it, none found %',
  ];
  return renderTable(head, rows);
}

function sitesTable({ per_site: sites }: MaskEvaluation): string {
  const rows = sites.map(({ site, volumes, dice, specificity, undefined_because: why }) => [
    site,
    String(volumes),
    percent(dice.value),
    interval(dice),
    percent(specificity.value),
    why ?? '',
  ]);
  return renderTable(
    ['site', 'volumes', 'Dice %', '95 % interval', 'without a label, none found %', ''],
    rows,
  );
}

function millimetres(figure: EstimateFigure | undefined): string {
  if (!figure || figure.value === null) return '-';
  const { value, low, high } = figure;
  return low === null || high === null
    ? value.toFixed(1)
    : `${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
}
