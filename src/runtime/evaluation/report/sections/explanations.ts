import { counted } from '../../../base/text/counted.ts';
import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation } from '../../class-result.ts';
import { type IntervalRow, intervalChart } from '../charts/intervals.ts';
import { classTitle, percent } from '../figures.ts';
import { caseFigures } from './case-figures.ts';

const MASKED: Readonly<Record<string, string>> = {
  frame_masked: 'frame blackened',
  silhouette_only: 'outline alone',
  head_masked: 'head blackened',
};

/** What the model goes by: pictures with a part masked, and where the heat lies. */
export function looksSection({ masked, figures, chance, lesion_heat: heat }: ClassEvaluation): Html | null {
  if (Object.keys(masked).length === 0 && !heat) return null;
  const rows: IntervalRow[] = [
    {
      label: 'whole picture',
      figure: figures.balanced_accuracy ?? { value: null, low: null, high: null },
      kind: 'model',
    },
    ...Object.keys(MASKED).flatMap((name): IntervalRow[] => {
      const figure = masked[name];
      return figure ? [{ label: MASKED[name] ?? name, figure, kind: 'plain' }] : [];
    }),
  ];
  const lesion = heat
    ? html`<p>Where lesions are known (${counted(heat.subjects, 'subject')}), ${percent(heat.inside)} % of the heat lies in or right beside the lesion, which is ${percent(heat.area)} % of the head;
the hottest place is there for ${percent(heat.hits)} %.</p>`
    : null;
  return html`<section><h2>What the model goes by</h2>
<p class="lead">A model that reads the tumour loses nothing with the frame blackened and falls to chance with the head blackened; with the head made one grey, only its outline is left.</p>
${intervalChart(rows, { chance, title: 'Balanced accuracy on masked pictures' })}${lesion}</section>`;
}

/** The predictions that cost most, each with its heat map. */
export function casesSection(
  { worst_cases: cases }: ClassEvaluation,
  overlays: ReadonlyMap<string, Uint8Array>,
): Html | null {
  if (cases.length === 0) return null;
  const shown = cases.map((one) => ({
    overlay: one.overlay,
    text: `${one.id}: ${classTitle(one.truth)} taken for ${classTitle(one.predicted)}`,
    caption: html`<b>${classTitle(one.truth)}</b> ${one.truth === one.predicted ? 'found' : html`taken for <b>${classTitle(one.predicted)}</b>`}, probability ${percent(one.probability)} %<br><span class="notice">${one.id}, ${one.site}, loss ${one.loss.toFixed(2)}</span>`,
  }));
  return html`<section><h2>Worst cases</h2>
<p class="lead">The predictions with the highest loss. Beside each picture, as the network sees it, what speaks for the predicted class (Grad-CAM, bright is more).</p>
<div class="cases">${caseFigures(shown, overlays)}</div></section>`;
}
