import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation } from '../../class-result.ts';
import { interval, percent } from '../figures.ts';

const METHOD = {
  nyul: 'the greys of every image lie on one scale, the mean of the landmarks of all training images',
  combat: 'what sites differ by, beside the class, is taken out of the greys',
} as const;
const VIEW = { greys: 'its greys', pixels: 'its pixels, 48 x 48' } as const;

/** Whether the scanner is told less well once the pictures are harmonised, and the class as well as before. */
export function harmonisationSection({ harmonisation: found, data, classes }: ClassEvaluation): Html | null {
  if (!found) return null;
  const { method, images, folds, repeats, views, undefined_because: reason } = found;
  const lead = html`Before training, sites sent sums over their training images, and ${METHOD[method]} (${method}).`;
  if (reason !== null)
    return html`<section><h2>Scanners</h2><p class="lead">${lead} Scanners were not compared: ${reason}.</p></section>`;
  const rows = views.flatMap(({ view, scanner, class: own }) => [
    line(`site, by ${VIEW[view]}`, scanner, data.sites.length),
    line(`class, by ${VIEW[view]}`, own, classes.length),
  ]);
  return html`<section><h2>Scanners</h2><p class="lead">${lead} What a linear classifier tells of a picture before and after that: balanced accuracy in ${folds} folds, made in ${repeats} ways, over ${images} images that it was not fitted to.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th class="text">told</th><th>chance %</th><th>before %</th><th>95 % interval</th><th>after %</th><th>95 % interval</th><th>change</th><th>95 % interval</th></tr></thead>
<tbody>${rows}</tbody><caption>Harmonisation is for a site that is told less well after, and a class that is told as well: a change whose interval reaches over 0 may be chance. What sharpness, noise and the outline of the head tell of a scanner stays.</caption></table></div></section>`;
}

type Told = NonNullable<ClassEvaluation['harmonisation']>['views'][number]['scanner'];

function line(what: string, { before, after, change }: Told, kinds: number): Html {
  const cells = [before, after, change].map(
    (one) => html`<td>${percent(one.value)}</td><td>${interval(one)}</td>`,
  );
  return html`<tr><td class="text">${what}</td><td>${percent(1 / kinds)}</td>${cells}</tr>`;
}
