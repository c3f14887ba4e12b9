import { type Html, html } from '../../../base/text/html.ts';

/** A case with its picture. */
export interface ShownCase {
  /** Name of the picture in the evaluation. */
  readonly overlay: string | null;
  /** What it shows, for who cannot see it. */
  readonly text: string;
  readonly caption: Html;
}

/** The pictures lie inside the page. */
export function caseFigures(cases: readonly ShownCase[], overlays: ReadonlyMap<string, Uint8Array>): Html[] {
  return cases.map(({ overlay, text, caption }) => {
    const bytes = overlay === null ? undefined : overlays.get(overlay);
    const source = bytes && `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
    return html`<figure>${source ? html`<img src="${source}" alt="${text}">` : null}
<figcaption>${caption}</figcaption></figure>`;
  });
}
