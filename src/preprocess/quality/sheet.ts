import { Html, html } from '../../runtime/base/text/html.ts';
import { FIGURES } from './figures.ts';
import type { Verdict } from './gate.ts';
import type { MeasuredImage } from './measured-image.ts';
import type { Outlier } from './outliers.ts';
import { figureText } from './tables.ts';

export interface SheetImage {
  readonly image: MeasuredImage;
  readonly outliers: readonly Outlier[];
  /** Conditions of the gate that it fails. */
  readonly failed: readonly Verdict['failed'][number][];
}

/** Images on one sheet: a page of more is slow to open. */
export const MOST_SHOWN = 400;

/** Worst first: by conditions that fail, then by the farthest outlier, then by name. */
export function worstFirst(images: readonly SheetImage[]): SheetImage[] {
  const farthest = ({ outliers }: SheetImage) => Math.max(0, ...outliers.map(({ z }) => Math.abs(z)));
  return images.toSorted(
    (a, b) =>
      b.failed.length - a.failed.length ||
      farthest(b) - farthest(a) ||
      (a.image.file < b.image.file ? -1 : 1),
  );
}

/**
 * One page that fetches nothing. Texts of the data set are escaped.
 * @param shown in their order, each with its thumbnail as PNG
 */
export function sheetPage(what: {
  title: string;
  total: number;
  shown: readonly (SheetImage & { readonly thumbnail: Uint8Array })[];
}): string {
  const { title, total, shown } = what;
  const count =
    shown.length < total ? `${shown.length} of ${total} images, worst first` : `${total} images, worst first`;
  const page = html`${new Html('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Image quality: ${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<h1>Image quality: ${title}</h1>
<p>${count}. Red: a condition of the gate fails. Orange: the figure stands out at its site, with its distance from the median in robust standard deviations.</p>
<main>
${shown.map(card)}
</main>
</body>
</html>
`;
  return page.text;
}

function card({ image, outliers, failed, thumbnail }: SheetImage & { readonly thumbnail: Uint8Array }): Html {
  const { file, site, kind, shape, figures } = image;
  const png = `data:image/png;base64,${Buffer.from(thumbnail).toString('base64')}`;
  const rows = FIGURES.flatMap(({ name }) => {
    const value = figures[name];
    if (typeof value !== 'number') return [];
    const far = outliers.find(({ figure }) => figure === name);
    const bad = failed.find(
      ({ condition }) => condition.startsWith(`${name}<`) || condition.startsWith(`${name}>`),
    );
    const mark = bad ? 'bad' : far ? 'far' : '';
    const note = [bad?.condition, far && `${far.z > 0 ? '+' : ''}${far.z.toFixed(1)}`]
      .filter(Boolean)
      .join(' ');
    return [
      html`<tr class="${mark}"><th scope="row">${name}</th><td>${figureText(value)}</td><td>${note}</td></tr>`,
    ];
  });
  return html`<article>
<img src="${png}" alt="Middle slices of ${file}">
<h2>${file}</h2>
<p>${site === null ? '' : `${site}, `}${kind}, ${shape.join(' x ')}</p>
<table>${rows}</table>
</article>
`;
}

const STYLE = `
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
article { border: 1px solid #8886; border-radius: 6px; padding: .6rem; overflow-wrap: anywhere; }
img { width: 100%; background: #000; image-rendering: auto; }
h2 { font-size: 1em; margin: .4rem 0 0; }
p { margin: 0 0 .4rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: normal; }
td { text-align: right; font-variant-numeric: tabular-nums; }
.bad { background: #d003; font-weight: bold; }
.far { background: #f903; }
`;
