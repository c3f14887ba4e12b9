import { parseImageName } from '../preprocess/bids/image-name.ts';
import { COLUMN } from '../preprocess/bids/participants.ts';
import { type BidsSummary, showPath } from '../preprocess/bids/summary.ts';
import { DEFAULTS } from '../runtime/base/selection/selection.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { firstOf } from '../runtime/base/text/first-of.ts';
import { shellWord } from '../runtime/base/text/shell-word.ts';
import { renderTable } from './table.ts';

/** What `preprocess bids` made of the images, for people. */
export function renderBids(summary: BidsSummary): string {
  const { groups } = summary;
  const rows = Object.entries(summary.classes).map(([label, { images, kept }]) => [
    label,
    String(images),
    String(kept),
  ]);
  const cut = `; ${counted(groups.cut_links, 'like pair')} kept apart by the cap of ${groups.cap}`;
  return [
    renderTable(['class', 'images', 'kept'], rows),
    summary.patients_named === summary.images
      ? `${counted(groups.count, 'group')} by patient, largest ${groups.largest}`
      : `${counted(groups.count, 'group')} at correlation ${groups.threshold}, largest ${groups.largest}${groups.cut_links > 0 ? cut : ''}`,
    ...notes(summary),
    ...(summary.target === null
      ? ['Nothing was written (--dry-run).']
      : [`BIDS data set: ${summary.target}`, nextLine(summary, summary.target)]),
  ].join('\n');
}

/** The commands that come next, with the images and the sites that the source has. */
function nextLine({ images_of_each: names, sites }: BidsSummary, target: string): string {
  const images = imageFlags(names);
  const column = sites.length > 0 ? ['--strategy', 'column', '--site-column', COLUMN.site] : [];
  const line = (words: readonly string[]) =>
    ['neuroflare', 'preprocess', ...words].map((word) => shellWord(word));
  const check = line(['check', target, ...images]).join(' ');
  return `Next: ${check}; ${line(['split', target, ...images, ...column]).join(' ')}`;
}

/** Flags that take one image of each name: of several, each as a channel. */
function imageFlags(names: readonly string[]): string[] {
  const parsed = names.flatMap((name) => parseImageName(`sub-x_${name}.nii`) ?? []);
  const [only, ...others] = parsed;
  if (!only) return [];
  if (others.length === 0) return only.suffix === DEFAULTS.suffix ? [] : ['--suffix', only.suffix];
  const byContrast = parsed.toSorted(
    (a, b) =>
      Number(b.suffix === DEFAULTS.suffix) - Number(a.suffix === DEFAULTS.suffix) ||
      a.entities.size - b.entities.size,
  );
  return byContrast.flatMap(({ suffix, entities }) => {
    const alike = parsed.filter((one) => one.suffix === suffix);
    const telling = new Set(alike.flatMap((one) => [...one.entities.keys()]));
    telling.delete('sub');
    const filter =
      alike.length > 1 ? [...telling].map((entity) => `${entity}=${entities.get(entity) ?? ''}`) : [];
    return ['--channel', [suffix, ...filter].join(',')];
  });
}

/** A line for each thing that happened at all. */
function notes(summary: BidsSummary): string[] {
  const { set_aside: aside, converted, bad } = summary;
  const conflicts = `images in ${counted(summary.label_conflicts.length, 'group')} with one image under two labels set aside`;
  const happened: [number, string][] = [
    [aside.duplicate, 'exact copies set aside'],
    [aside.label_conflict, conflicts],
    [bad.length, ['files left out:', ...bad.map(badLine)].join('\n')],
    [summary.mirrored.length, mirroredLine(summary)],
    [converted.colour, 'colour images turned to grey'],
    [converted.sixteen_bit, 'images have 16 bits'],
    [converted.rotated, 'images turned upright'],
    [converted.head_not_found, 'images kept whole: no head found'],
    [
      converted.head_doubtful,
      'head masks may have cut the head: look at those with head_mask doubtful in participants.tsv',
    ],
    [summary.masks, summary.target === null ? 'lesion masks' : 'lesion masks written'],
    [summary.masks_missing.length, `without a lesion mask: ${firstOf(summary.masks_missing.map(showPath))}`],
    [summary.alike_labels.length, twoLabelsLine(summary)],
    ...Object.entries(FACE_LINES).map(([outcome, line]): [number, string] => [
      summary.faces[outcome] ?? 0,
      line,
    ]),
    [summary.resumed, 'images taken over from the run before'],
  ];
  return happened.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}

const FACE_LINES = {
  removed: 'volumes without their faces; masks of what was removed are in derivatives/defacing',
  none: 'volumes with nothing in the place of the face',
  stripped: 'volumes of the brain alone, as the source says: no face was looked for',
  slice: 'single slices, in which no face is looked for',
  kept: 'volumes with faces (--no-deface): treat them as personal data',
} as const;

function mirroredLine({ mirrored: [first] }: BidsSummary): string {
  const names = (first ?? []).map(showPath).join(' and ');
  return `pairs look like mirror images of one another, in different groups: ${names} first (all of them with --json)`;
}

function twoLabelsLine({ alike_labels: [first] }: BidsSummary): string {
  const names = (first?.files ?? []).map(showPath).join(' and ');
  return `pairs look like one image under two labels (${first?.labels.join(' and ')}): ${names} first (all of them with --json)`;
}

function badLine({ path, code, detail }: BidsSummary['bad'][number]): string {
  return `  ${showPath(path)}: ${code}, ${detail}`;
}
