import { type Html, html } from '../../../base/text/html.ts';
import { isShare } from '../../../run/shares.ts';
import { decimal, percent } from '../figures.ts';
import type { ReportSource } from '../gather.ts';
import { reasonItem, scoreCell } from './cross-site.ts';

const HEADS = { global: 'global', personal: 'personal', alone: 'trained alone' } as const;

/** What each site ends with, where sites train models of their own. */
export function ownModelsSection({ summary }: ReportSource): Html | null {
  const { own_models: sites, metric: key } = summary;
  if (!sites) return null;
  const names = Object.keys(HEADS) as (keyof typeof HEADS)[];
  const shown = names.filter((name) => sites.some(({ scores }) => scores[name] !== undefined));
  const scores = sites.flatMap((one) => Object.values(one.scores));
  // Balanced accuracy is none where a site has no image of a class, as many of unlike sites have.
  const isKnown = scores.every(({ metrics }) => metrics === null || metrics[key] !== undefined);
  const metric = isKnown || scores.every(({ metrics }) => metrics?.accuracy === undefined) ? key : 'accuracy';
  const show = isShare(metric) ? percent : decimal;
  const rows = sites.map(({ site, chosen, scores: own }) => {
    const cells = shown.map((name) => scoreCell(own[name], { metric, show, isOwn: name === chosen }));
    return html`<tr><td>${site}</td>${cells}<td>${chosen === null ? 'none' : HEADS[chosen]}</td></tr>`;
  });
  const reasons = sites.flatMap(({ site, scores: own }) =>
    names.flatMap((name) => {
      const reason = own[name]?.reason;
      return reason === undefined ? [] : [reasonItem(site, `the ${HEADS[name]} model`, reason)];
    }),
  );
  return html`<section><h2>What each site ends with</h2>
<p class="lead">${metric.replaceAll('_', ' ')}${isShare(metric) ? ', in %,' : ''} on the validation images of each site: of the last global model, of the personal one that the site made of it, and of the one that it trained without the
others. In bold is the best, which the site keeps; no personal model has left its site. These images chose among the models, so the figure of the best is no proof of how good it is. Intervals (95 %) take each image as a draw of its own.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th>site</th>${shown.map((name) => html`<th>${HEADS[name]}</th>`)}<th>it keeps</th></tr></thead><tbody>${rows}</tbody></table></div>
${reasons.length > 0 ? html`<ul>${reasons}</ul>` : null}</section>`;
}
