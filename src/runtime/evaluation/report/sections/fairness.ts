import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation, Fairness } from '../../class-result.ts';
import { interval, percent } from '../figures.ts';

/** Whom the model serves better than others: by site, sex and age. */
export function fairnessSection({ fairness }: Pick<ClassEvaluation, 'fairness'>): Html | null {
  if (fairness.length === 0) return null;
  const [first] = fairness;
  return html`<section><h2>For whom it is better and worse</h2>
<p class="lead">Accuracy by groups of people. The gap is that between the best and the worst group; its interval (95 %) holds whichever two they are.
Groups of fewer than ${first?.least} people have no figures.</p>
${fairness.map(groupsTable)}</section>`;
}

function groupsTable({ by, levels, unknown, gap }: Fairness): Html {
  const body = levels.map(({ level, subjects, accuracy }) =>
    subjects === null
      ? html`<tr><td>${level}</td><td colspan="3" class="text">too few</td></tr>`
      : html`<tr><td>${level}</td><td>${subjects}</td><td>${percent(accuracy.value)}</td><td>${interval(accuracy)}</td></tr>`,
  );
  return html`<h3>By ${by}</h3>
<div class="scroll" tabindex="0"><table><thead><tr><th>${by}</th><th>subjects</th><th>accuracy %</th><th>95 % interval</th></tr></thead><tbody>${body}</tbody></table></div>
<p>${gapWords(gap)}${unknown > 0 ? ` Of ${unknown} it is not known.` : ''}</p>`;
}

function gapWords(gap: Fairness['gap']): string {
  if (!gap) return 'Fewer than two groups are large enough to be compared.';
  const { value, low } = gap.accuracy;
  const shown = low !== null && low > 0 ? 'The gap is shown' : 'It is not shown that there is a gap';
  return `${gap.best} is best, ${gap.worst} is worst: ${percent(value)} points (${interval(gap.accuracy)}). ${shown}.`;
}
