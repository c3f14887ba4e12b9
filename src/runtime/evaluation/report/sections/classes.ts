import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation } from '../../class-result.ts';
import { tumourOrNoneWords } from '../../presence.ts';
import type { EstimateFigure } from '../../result-parts.ts';
import { confusionTable } from '../charts/confusion.ts';
import { intervalChart } from '../charts/intervals.ts';
import { reliabilityChart } from '../charts/reliability.ts';
import { classTitle, decimal, interval, percent } from '../figures.ts';

export function classesSection(evaluation: ClassEvaluation): Html {
  const { per_class: classes, confusion, classes: names } = evaluation;
  const rows = classes.map(({ class: name, recall }) => ({
    label: `recall, ${classTitle(name)}`,
    figure: recall,
    kind: 'plain' as const,
  }));
  const body = classes.map(
    ({ class: name, subjects, auroc }) =>
      html`<tr><td>${classTitle(name)}</td><td>${subjects}</td><td>${percent(auroc.value)}</td><td>${interval(auroc)}</td></tr>`,
  );
  return html`<section><h2>By class</h2>
${intervalChart(rows, { title: 'Recall of each class' })}
<div class="two"><div class="scroll" tabindex="0">${confusionTable(names, confusion)}</div>
<div class="scroll" tabindex="0"><table><thead><tr><th>class</th><th>subjects</th><th>AUROC %</th><th>95 % interval</th></tr></thead><tbody>${body}</tbody></table></div></div></section>`;
}

export function sitesSection(evaluation: ClassEvaluation): Html {
  const { per_site: sites, classes, worst } = evaluation;
  const rows = sites.map(({ site, accuracy: figure }) => ({ label: site, figure, kind: 'plain' as const }));
  const body = sites.map(
    (one) =>
      html`<tr><td>${one.site}${one.site === worst.site && sites.length > 1 ? ' (worst)' : ''}</td><td>${one.subjects}</td><td>${percent(one.balanced_accuracy.value)}</td><td>${interval(one.balanced_accuracy)}</td><td>${decimal(one.nll)}</td>${classes.map((name) => html`<td>${withInterval(one.recall[name], one.recall_intervals[name])}</td>`)}<td class="text">${one.undefined_because}</td></tr>`,
  );
  const head = classes.map((name) => html`<th>recall ${classTitle(name)} %</th>`);
  return html`<section><h2>By site</h2>
<p class="lead">A site that lacks a class has no balanced accuracy; figures over all sites are computed from summed counts, not averaged.
The chart shows accuracy, which every site has; the site with the lowest is called worst.</p>
${intervalChart(rows, { title: 'Accuracy of each site' })}
<div class="scroll" tabindex="0"><table><thead><tr><th>site</th><th>subjects</th><th>balanced %</th><th>95 % interval</th><th>NLL</th>${head}<td></td></tr></thead><tbody>${body}</tbody></table></div></section>`;
}

/** The model that each site ends with, beside the one that is judged. */
export function ownModelsOnTest({ own_models: own, data }: ClassEvaluation): Html | null {
  if (!own) return null;
  const rows = own.map(({ site, accuracy: figure }) => ({ label: site, figure, kind: 'plain' as const }));
  const body = own.map(
    (one) =>
      html`<tr><td>${one.site}</td><td>${one.subjects}</td><td>${withInterval(one.accuracy.value, one.accuracy)}</td><td>${withInterval(one.global_accuracy.value, one.global_accuracy)}</td><td>${interval(one.lead)}</td></tr>`,
  );
  return html`<section><h2>Models of the sites themselves</h2>
<p class="lead">Each site keeps a model of its own, which no other site has. Here it is judged on the ${data.part} images of its site, beside the global one.</p>
${intervalChart(rows, { title: "Accuracy of each site's own model" })}
<div class="scroll" tabindex="0"><table><thead><tr><th>site</th><th>subjects</th><th>its own, accuracy %</th><th>global, accuracy %</th><th>it leads by</th></tr></thead><tbody>${body}</tbody></table></div></section>`;
}

function withInterval(share: number | null | undefined, figure: EstimateFigure | undefined): Html {
  const range = interval(figure);
  return html`${percent(share)}${range === '–' ? null : html` <span class="notice">${range}</span>`}`;
}

/** Tumour of any type against none: counts in words, then each share with its interval. */
export function presenceSection({ tumour_or_none: found }: ClassEvaluation): Html | null {
  if (!found) return null;
  const rows = [
    { label: 'sensitivity', figure: found.sensitivity },
    { label: 'specificity', figure: found.specificity },
    { label: 'positive predictive value', figure: found.positive_predictive_value },
    { label: 'negative predictive value', figure: found.negative_predictive_value },
  ].map((row) => ({ ...row, kind: 'plain' as const }));
  const words = tumourOrNoneWords(
    found,
    (name, figure) => `${name} ${percent(figure.value)} % (${interval(figure)})`,
  );
  return html`<section><h2>Tumour or none</h2>
<p class="lead">Whatever its type. Predictive values hold where tumours are as common as among these images.</p>
<ul>${words.map((sentence) => html`<li>${sentence}</li>`)}</ul>
${intervalChart(rows, { title: 'Sensitivity, specificity and predictive values for tumour against none' })}</section>`;
}

export function calibrationSection({ calibration, figures }: ClassEvaluation): Html {
  const { temperature, bins, bins_calibrated: after } = calibration;
  const row = (name: string, suffix: string) =>
    html`<tr><td>${name}</td><td>${percent(figures[`ece${suffix}`]?.value)}</td><td>${interval(figures[`ece${suffix}`])}</td><td>${decimal(figures[`nll${suffix}`]?.value)}</td><td>${decimal(figures[`brier${suffix}`]?.value)}</td></tr>`;
  const fitted =
    temperature === null
      ? html`No temperature: ${calibration.fitted_on}.`
      : html`Temperature ${temperature.toFixed(2)}, fitted on ${calibration.fitted_on}.`;
  return html`<section><h2>Calibration</h2>
<p class="lead">Whether the model is right as often as it says. On the diagonal a confidence of 80 % is right in 80 % of the cases. ${fitted}</p>
<div class="two"><div>${reliabilityChart(bins, after)}<p class="key notice"><span><i style="background:var(--c1)"></i>as trained</span>${after ? html`<span><i style="background:var(--accent)"></i>with temperature</span>` : null}</p></div>
<div class="scroll" tabindex="0"><table><thead><tr><td></td><th>ECE %</th><th>95 %</th><th>NLL</th><th>Brier</th></tr></thead>
<tbody>${row('as trained', '')}${after ? row('with temperature', '.calibrated') : null}</tbody>
<caption>Expected calibration error of the predicted class over 15 bins of equal mass, debiased; its interval holds the errors of all models that would give such an estimate.</caption></table></div></div></section>`;
}
