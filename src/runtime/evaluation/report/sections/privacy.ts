import { type Html, html } from '../../../base/text/html.ts';
import { threeDigits } from '../../../base/text/three-digits.ts';
import type { PrivacyAudit } from '../../privacy-audit/result.ts';
import {
  checkWords,
  guaranteeWords,
  membershipWords,
  NO_PROOF,
  oneRunWords,
} from '../../privacy-audit/words.ts';
import { interval } from '../figures.ts';
import type { ReportSource } from '../gather.ts';

/** What is promised, whether steps keep to it, and what attacks come to, in this order. */
export function privacySection({ audit, summary }: ReportSource): Html | null {
  if (!audit) return promiseAlone(summary.privacy);
  const { check, one_run: oneRun, membership } = audit;
  const rates = membership.at_rates.map(
    (one) =>
      html`<tr><td>${threeDigits(100 * one.false_positive_rate)} %</td><td>${one.found} of ${membership.members}</td><td>${threeDigits(100 * one.low)} to ${threeDigits(100 * one.high)} %</td><td>${threeDigits(one.epsilon)}</td></tr>`,
  );
  return html`<section><h2>What it tells of people</h2>
<p class="lead">${guaranteeWords(audit)}</p>
${check ? html`<p>${checkWords(check)}</p>` : null}
${oneRun ? html`<p>${oneRunWords(oneRun)}</p>` : null}
<p>${membershipWords(audit)}</p>
<div class="scroll" tabindex="0"><table><thead><tr><th>false alarms allowed</th><th>members found</th><th>95 % interval</th><th>epsilon at least</th></tr></thead><tbody>${rates}</tbody></table></div>
${partsTable(membership)}
<p>${NO_PROOF}</p></section>`;
}

/** Rare classes leak first. */
function partsTable({ by_class: classes, by_site: sites }: PrivacyAudit['membership']): Html | null {
  const parts = [
    ...classes.map((one) => ({ ...one, name: one.class })),
    ...sites.map((one) => ({ ...one, name: one.site })),
  ];
  if (parts.length === 0) return null;
  const rows = parts.map(
    ({ name, members, others, auc }) =>
      html`<tr><td>${name}</td><td>${members}</td><td>${others}</td><td>${auc.value === null ? '' : auc.value.toFixed(2)}</td><td>${interval(auc)}</td></tr>`,
  );
  return html`<div class="scroll" tabindex="0"><table><thead><tr><th>class or site</th><th>trained on</th><th>others</th><th>AUC</th><th>95 % interval (%)</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function promiseAlone(privacy: ReportSource['summary']['privacy']): Html | null {
  if (!privacy) return null;
  const { epsilon, delta, reason } = privacy;
  const promise =
    epsilon === null
      ? `The job promises nothing to the people in its data: ${reason ?? 'it is not known why'}.`
      : `Epsilon ${threeDigits(epsilon)} at delta ${delta} is promised to each group of people of each site; figures of models are no part of it.`;
  return html`<section><h2>What it tells of people</h2><p class="lead">${promise}</p>
<p>Nobody has attacked it yet: <code>neuroflare privacy audit</code> does.</p></section>`;
}
