import { type Html, html } from '../../../base/text/html.ts';
import { classTitle } from '../figures.ts';

/** Counts as a heat map: a row is a true class, shaded by its share of the row, so lightly that the text can be read on all shades. */
export function confusionTable(classes: readonly string[], counts: readonly (readonly number[])[]): Html {
  const header = classes.map((name) => html`<th scope="col">${classTitle(name)}</th>`);
  const rows = counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total;
      const kind = truth === predicted ? 'right' : 'wrong';
      const title = `${count} of ${total} ${classes[truth]} taken for ${classes[predicted]}`;
      return html`<td class="cell ${kind}" style="--share:${share.toFixed(3)}" title="${title}">${count}<small>${total === 0 ? '' : `${Math.round(100 * share)} %`}</small></td>`;
    });
    return html`<tr><th scope="row">${classTitle(classes[truth] ?? '')}</th>${cells}</tr>`;
  });
  return html`<table class="confusion"><caption>True class by row, predicted class by column</caption>
<thead><tr><td></td>${header}</tr></thead><tbody>${rows}</tbody></table>`;
}
