import { prettyJson } from '../../runtime/base/digest.ts';
import { printableLine } from '../../runtime/base/text/printable.ts';
import { derivativeDescription } from '../bids/derivative-description.ts';
import { FIGURES, isMeantFor } from './figures.ts';
import type { MeasuredImage } from './measured-image.ts';
import { partedOutcomes } from './outcome.ts';
import { LEAST_IMAGES, OUTLYING, type Outlier } from './outliers.ts';

export interface QualityTexts {
  readonly name: string;
  /** From the derivative to its source. */
  readonly link: string;
  readonly suffix: string;
  readonly images: readonly MeasuredImage[];
  readonly outliers: ReadonlyMap<string, readonly Outlier[]>;
  /** Whether there are maps of temporal SNR. */
  readonly maps: boolean;
}

/** Of numbers in the table. */
const DIGITS = 6;

/** The files of the derivative but for the maps and the contact sheet, by path. */
export function qualityTexts(texts: QualityTexts): ReadonlyMap<string, string> {
  const { suffix } = texts;
  return new Map([
    ['dataset_description.json', prettyJson(description(texts))],
    ['README', readme(texts)],
    // BIDS has no place for figures of images, nor for a table of them, which MRIQC names so, nor for maps of a series, which fMRIPrep names so.
    ['.bidsignore', `group_*\nquality.html\n*_quality.json\n*_boldmap.*\n`],
    [`group_${suffix}.tsv`, table(texts)],
    [`group_${suffix}.json`, prettyJson(sidecar())],
    ...texts.images.map((image) => [figuresName(image.file), prettyJson(ownFigures(image))] as const),
  ]);
}

/** What the name of a map ends with, but for its ending. */
export const MAP_NAME = 'stat-tsnr_boldmap';

function description({ name, link }: QualityTexts): object {
  return derivativeDescription({
    name,
    license: 'As the source images',
    authors: ['The authors of the source images', 'neuroflare (figures)'],
    made: 'preprocess quality',
    link,
  });
}

function table({ images, outliers }: QualityTexts): string {
  const header = [
    'participant_id',
    'file',
    'site',
    'kind',
    ...FIGURES.map(({ name }) => name),
    'outlying',
    'not_defined',
  ];
  const rows = images.map(({ participant, file, site, kind, figures }) => {
    const all = FIGURES.map((figure) => ({
      name: figure.name,
      outcome: figures[figure.name],
      isMeant: isMeantFor(figure, kind),
    }));
    const cells = all.map(({ outcome }) => (typeof outcome === 'number' ? figureText(outcome) : 'n/a'));
    const none = all.flatMap(({ name, outcome, isMeant }) =>
      typeof outcome === 'number' || !isMeant ? [] : [`${name}: ${outcome.because}`],
    );
    const far = outliers.get(file)?.map(({ figure }) => figure) ?? [];
    return [
      participant,
      file,
      site ?? 'n/a',
      kind,
      ...cells,
      far.join(',') || 'n/a',
      none.join('; ') || 'n/a',
    ];
  });
  return [header, ...rows].map((row) => `${row.map(cellText).join('\t')}\n`).join('');
}

/** `sub-01/anat/sub-01_desc-T1w_quality.json`; of `sub-01_desc-slice_T1w.nii.gz` it is `sub-01_desc-sliceT1w_quality.json`. */
function figuresName(file: string): string {
  const name = /^(.*?)(?:_desc-([0-9A-Za-z]+))?_([0-9A-Za-z]+)\.nii(?:\.gz)?$/.exec(file);
  const [, stem = file, desc = '', suffix = ''] = name ?? [];
  return `${stem}_desc-${desc}${suffix}_quality.json`;
}

/** Figures of one image, and why it has not the others. */
function ownFigures({ file, kind, shape, figures }: MeasuredImage): object {
  const meant = FIGURES.filter((figure) => isMeantFor(figure, kind));
  return {
    Sources: [`bids:raw:${file}`],
    kind,
    shape,
    ...partedOutcomes(meant.map(({ name }) => [name, figures[name]] as const)),
  };
}

export function figureText(value: number): string {
  return String(Number(value.toPrecision(DIGITS)));
}

/** What would break a table, or be obeyed by who shows it, is written out. */
function cellText(text: string): string {
  return printableLine(text.replace(/[\t\r\n]/g, ' ')).trimEnd();
}

function sidecar(): object {
  const figures = FIGURES.map(({ name, mriqc, unit, better, text }) => {
    const way = better === null ? '' : ` Better where ${better}.`;
    return [
      name,
      {
        Description: `${text}${way}`,
        Units: unit,
        ...(mriqc !== null && { TermURL: 'https://mriqc.readthedocs.io/en/latest/measures.html' }),
      },
    ];
  });
  return {
    participant_id: { Description: 'Whose image it is.' },
    file: { Description: 'The image, from the root of the source data set.' },
    site: { Description: 'As participants.tsv of the source has it.' },
    kind: {
      Description: 'What was measured.',
      Levels: {
        volume: 'a volume',
        series: 'volumes over time; figures are of their mean unless they say otherwise',
        picture: 'a single slice',
      },
    },
    ...Object.fromEntries(figures),
    outlying: {
      Description: `Figures that lie more than ${OUTLYING} robust standard deviations from the median of their site (Iglewicz and Hoaglin 1993), where ${LEAST_IMAGES} images or more have them.`,
    },
    not_defined: { Description: 'Figures that images of this kind can have and this one has not, and why.' },
  };
}

function readme({ name, suffix, images, maps }: QualityTexts): string {
  const map = maps
    ? `\nMaps of temporal signal to noise lie beside the subjects, as *_${MAP_NAME}.nii.gz. Volumes were not aligned before.\n`
    : '';
  return `${name}

Image quality of ${images.length} images (${suffix}), measured by neuroflare. group_${suffix}.tsv has one row an image; group_${suffix}.json says
what each column means and where its definition is from. Figures are those of MRIQC (Esteban et al. 2017) where MRIQC has them; tissues are
told apart by a mixture of normal distributions in the inner head, not by FAST, so compare numbers within this table before you compare them
with MRIQC's. Figures that an image has not are n/a; the last column says why.
${map}`;
}
