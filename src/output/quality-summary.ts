import { FIGURES } from '../preprocess/quality/figures.ts';
import { LEAST_IMAGES, OUTLYING } from '../preprocess/quality/outliers.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { QualityAnswer } from './quality-answer.ts';
import { renderTable } from './table.ts';

/** Lines of one kind that are shown in full. */
const SHOWN = 10;

/** Figures over all images, what stands out, what the gate found, and where it is written. */
export function renderQuality(answer: QualityAnswer): string {
  const { images, failed, undecided, bad, out, sheet, maps } = answer;
  return [
    ...bad.map(({ file, code, message }) => `cannot be read: ${shownPath(file)}: ${message}  [${code}]`),
    ...(images.length > 0 ? [figureTable(answer)] : []),
    ...outlyingLines(answer),
    ...shortened(
      failed.map(({ file, condition, value }) => `fails ${condition}: ${shownPath(file)} (${short(value)})`),
    ),
    ...undecided.map(({ condition, images: count, all, because }) =>
      all
        ? `not judged: ${condition} cannot be told of any image: ${because}`
        : `not told: ${condition} of ${counted(count, 'image')}: ${because}`,
    ),
    ...(out === null ? [] : [`Written: ${shownPath(out)}`]),
    ...(maps.length > 0
      ? [`Temporal SNR maps: ${maps.length}, first ${shownPath(maps[0] ?? '')}.nii.gz`]
      : []),
    ...(sheet === null ? [] : [`Contact sheet: ${shownPath(sheet)}`]),
    `${counted(images.length, 'image')} measured, ${bad.length} unreadable, ${counted(new Set(failed.map(({ file }) => file)).size, 'image fails', 'images fail')} the gate.`,
  ].join('\n');
}

function figureTable({ images }: QualityAnswer): string {
  const kinds = new Set(images.map(({ kind }) => kind));
  const meant = FIGURES.filter((figure) => figure.kinds.some((kind) => kinds.has(kind)));
  const rows = meant.map(({ name }) => {
    const values = images.flatMap(({ figures }) => figures[name] ?? []).sort((a, b) => a - b);
    const at = (share: number) => {
      const place = share * (values.length - 1);
      const [below, above] = [values[Math.floor(place)] ?? 0, values[Math.ceil(place)] ?? 0];
      return short((below + above) / 2);
    };
    const [reason = ''] = images.flatMap(({ not_defined: none }) => none[name] ?? []);
    return values.length === 0
      ? [name, '0', '', '', '', reason]
      : [name, String(values.length), at(0), at(0.5), at(1), values.length < images.length ? reason : ''];
  });
  return renderTable(['figure', 'images', 'least', 'median', 'most', 'not defined: first reason'], rows);
}

function outlyingLines({ images, sites }: QualityAnswer): string[] {
  const lines = images.flatMap(({ file, site, outlying }) =>
    outlying.map(
      ({ figure, value, median, z }) =>
        `stands out${site === null ? '' : ` at ${site}`}: ${figure} ${short(value)}, median ${short(median)}, ${z > 0 ? '+' : ''}${z.toFixed(1)}: ${shownPath(file)}`,
    ),
  );
  const few = sites.filter(({ compared }) => compared.length === 0);
  const small = few.map(({ site, images: count }) => `${site} (${count})`).join(', ');
  return [
    ...shortened(lines),
    ...(few.length > 0
      ? [`too few images to say what stands out, under ${LEAST_IMAGES} with one figure: ${small}`]
      : []),
    ...(lines.length === 0 && few.length < sites.length
      ? [`no figure lies more than ${OUTLYING} robust standard deviations from its site's median`]
      : []),
  ];
}

function shortened(lines: readonly string[]): string[] {
  const more = lines.length - SHOWN;
  return [
    ...lines.slice(0, SHOWN),
    ...(more > 0 ? [`and ${more} more like it (all of them with --json)`] : []),
  ];
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
