import { type Html, html } from '../../../base/text/html.ts';
import type { EstimateFigure } from '../../result-parts.ts';
import type { MaskEvaluation } from '../../segmentation/mask-result.ts';
import { type IntervalRow, intervalChart } from '../charts/intervals.ts';
import { interval, millimetres, percent } from '../figures.ts';
import { caseFigures } from './case-figures.ts';

/** What a report says of a model that labels voxels, behind the answer. */
export function maskSections(evaluation: MaskEvaluation): Html {
  return html`${controlsSection(evaluation)}${labelsSection(evaluation)}${sitesSection(evaluation)}`;
}

function controlsSection({ controls, headline, figures }: MaskEvaluation): Html {
  if (!controls)
    return html`<section><h2>Controls</h2><p class="lead">No controls were run, so it is not known what place and brightness alone reach on these volumes.</p></section>`;
  const strongest = headline.strongest_control?.name;
  const ordered = controls.toSorted((a, b) => (b.dice.value ?? 0) - (a.dice.value ?? 0));
  const rows: IntervalRow[] = [
    { label: 'model', figure: figures.dice ?? UNDEFINED, kind: 'model' },
    ...ordered.map(
      ({ name, dice }): IntervalRow => ({
        label: name,
        figure: dice,
        kind: name === strongest ? 'strong' : 'plain',
      }),
    ),
  ];
  const body = ordered.map(
    ({ name, sees, lead }) =>
      html`<tr><td>${name}</td><td class="text">${sees}</td><td>${percent(lead.value)}</td><td>${interval(lead)}</td></tr>`,
  );
  return html`<section><h2>Beside the shortcuts</h2>
<p class="lead">Dice of the model and of controls that learnt from the same training volumes and were tested on the same ones, over the volumes whose masks show a label.
Whiskers are 95 % intervals over people.</p>
${intervalChart(rows, { title: 'Dice of the model and the controls' })}
<details><summary>What each control sees, and the model's lead over it</summary><div class="scroll" tabindex="0"><table>
<thead><tr><th>control</th><th class="text">what it sees</th><th>model leads by</th><th>95 % interval</th></tr></thead><tbody>${body}</tbody></table></div></details></section>`;
}

const UNDEFINED: EstimateFigure = { value: null, low: null, high: null };

/** A figure of each label: how it is headed, and in what it is written. */
const SHOWN = [
  ['HD95', 'hd95', inMillimetres],
  ['lesions found %', 'lesion_sensitivity', inPercent],
  ['findings that are lesions %', 'lesion_precision', inPercent],
  ['lesion-wise Dice %', 'lesion_dice', inPercent],
  ['volume is off by ml', 'volume_error', inMillimetres],
  ['none found where none is %', 'specificity', inPercent],
] as const;

function labelsSection({ per_label: labels, rules }: MaskEvaluation): Html {
  const rows = labels.map(({ label, figures }) => ({
    label,
    figure: figures.dice ?? UNDEFINED,
    kind: 'plain' as const,
  }));
  const body = labels.map(
    ({ label, volumes, lesions, figures }) =>
      html`<tr><td>${label}</td><td>${volumes}</td><td>${lesions}</td>${SHOWN.map(([, name, show]) => html`<td>${show(figures[name])}</td>`)}</tr>`,
  );
  return html`<section><h2>By label</h2>
<p class="lead">Over the volumes that show the label. HD95 is the 95th percentile of the distances between the surfaces of mask and prediction, in mm; ${rules.penalty_mm} mm count where nothing is found.
Lesions that touch once grown by ${rules.dilation} voxel are one, and those up to ${rules.least_mm3} mm<sup>3</sup> do not count (BraTS 2023).</p>
${intervalChart(rows, { title: 'Dice of each label' })}
<div class="scroll" tabindex="0"><table><thead><tr><th>label</th><th>volumes</th><th>lesions</th>${SHOWN.map(([title]) => html`<th>${title}</th>`)}</tr></thead><tbody>${body}</tbody></table></div></section>`;
}

function inPercent(figure: EstimateFigure | undefined): Html {
  return withRange(percent(figure?.value), interval(figure));
}

function inMillimetres(figure: EstimateFigure | undefined): Html {
  const isKnown = figure && figure.low !== null && figure.high !== null;
  const range = isKnown ? `${millimetres(figure.low)} to ${millimetres(figure.high)}` : '–';
  return withRange(millimetres(figure?.value), range);
}

function withRange(value: string, range: string): Html {
  return html`${value}${range === '–' ? null : html` <span class="notice">${range}</span>`}`;
}

function sitesSection({ per_site: sites }: MaskEvaluation): Html {
  const rows = sites.map(({ site, dice: figure }) => ({ label: site, figure, kind: 'plain' as const }));
  const body = sites.map(
    ({ site, volumes, specificity, undefined_because: why }) =>
      html`<tr><td>${site}</td><td>${volumes}</td><td>${inPercent(specificity)}</td><td class="text">${why}</td></tr>`,
  );
  return html`<section><h2>By site</h2>
${intervalChart(rows, { title: 'Dice of each site' })}
<div class="scroll" tabindex="0"><table><thead><tr><th>site</th><th>volumes</th><th>without a label, none found %</th><th></th></tr></thead><tbody>${body}</tbody></table></div></section>`;
}

/** The volumes that were labelled worst, each with the outlines of mask and prediction. */
export function maskCasesSection(
  { worst_cases: cases }: MaskEvaluation,
  overlays: ReadonlyMap<string, Uint8Array>,
): Html | null {
  if (cases.length === 0) return null;
  const shown = cases.map((one) => {
    const found = `${one.predicted_ml.toFixed(1)} ml found`;
    return {
      overlay: one.overlay,
      text: `${one.id}: ${one.truth_ml.toFixed(1)} ml in the mask, ${found}`,
      caption: html`<b>${one.dice === null ? 'no label in the mask' : `Dice ${percent(one.dice)} %`}</b>, ${one.truth_ml.toFixed(1)} ml in the mask, ${found}<br><span class="notice">${one.id}, ${one.site}</span>`,
    };
  });
  return html`<section><h2>Worst cases</h2>
<p class="lead">The volumes of the lowest Dice, and those without a label in which some was found. Beside the slice with most of the mask the outlines: blue the mask, orange the prediction, white both.</p>
<div class="cases">${caseFigures(shown, overlays)}</div></section>`;
}
