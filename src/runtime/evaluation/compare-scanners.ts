import { findExamples } from '../../preprocess/bids/layout.ts';
import { type PictureHarmony, TISSUE } from '../../preprocess/picture/harmonise.ts';
import { montageOf } from '../../preprocess/picture/montage.ts';
import { readPictures } from '../../preprocess/picture/pictures.ts';
import { resample } from '../../preprocess/picture/resample.ts';
import { landmarksOf } from '../../preprocess/preparation/landmarks.ts';
import { u8At } from '../base/at.ts';
import { createRandom, deriveSeed } from '../base/random.ts';
import { readAs } from '../base/selection/selection.ts';
import { counted } from '../base/text/counted.ts';
import { firstOf } from '../base/text/first-of.ts';
import { mapPool } from '../base/threads/map-pool.ts';
import { groupedFolds } from '../learning/controls/folds.ts';
import { standardize } from '../learning/dataset/image-set.ts';
import { squaredDistances } from '../statistics/distances.ts';
import { combineFigures, estimateOf, type Figure, indexGroups } from '../statistics/figure.ts';
import { scoreByKernelMachine } from '../statistics/kernel-machine.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { EvaluationWork } from './evaluation-work.ts';
import { balancedFigure, leadOver } from './figures.ts';
import type { EvaluationRow } from './site-data.ts';

/** What a line may tell scanners or classes by: the deciles of a picture's tissue, or all of it at 48 x 48 pixels. */
const VIEWS = ['greys', 'pixels'] as const;
type View = (typeof VIEWS)[number];

const FOLDS = 5;
/** Which images come into one fold moves a figure of few of them by several points. */
const REPEATS = 3;
/** More tell hardly more, and take the square of their number. */
const MOST_IMAGES = 600;
const SIDE = 48;
const READERS = 4;

/** What it needs of an evaluation. */
interface CompareWork {
  readonly data: Pick<EvaluationWork['data'], 'root' | 'selection' | 'sites' | 'rows'>;
  readonly target: Pick<EvaluationWork['target'], 'harmonisation' | 'classes'>;
  readonly images: Pick<EvaluationWork['images'], 'imageSize' | 'slices'>;
  readonly options: Pick<EvaluationWork['options'], 'seed' | 'signal'>;
}

/**
 * Whether a linear classifier tells which site a picture is of, and which class it shows, before and after harmonisation: on pictures as the
 * network sees them, of people whom neither the network nor the harmonisation was fitted to, in folds that keep groups whole.
 */
export async function compareScanners(work: CompareWork): Promise<ClassEvaluation['harmonisation']> {
  const { data, target, options } = work;
  const { harmonisation } = target;
  if (!harmonisation) return null;
  const held = data.rows.filter(({ part }) => part !== 'train');
  const rows = createRandom('scanners', options.seed)
    .shuffle([...held])
    .slice(0, MOST_IMAGES);
  const frame = { method: harmonisation.method, images: rows.length, folds: FOLDS, repeats: REPEATS };
  const few = data.sites.filter((site) => groupsOf(rows.filter((row) => row.site === site)) < FOLDS);
  const reason =
    data.sites.length < 2
      ? 'the images of one site alone are here'
      : few.length > 0
        ? `fewer than ${counted(FOLDS, 'person', 'people')} for validation and testing were looked at of ${firstOf(few)}`
        : null;
  if (reason !== null) return { ...frame, views: [], undefined_because: reason };
  const [before, after] = [
    await seen(rows, work, () => undefined),
    await seen(rows, work, ({ harmony }) => harmony),
  ];
  const views = VIEWS.map((view) => {
    const told = (label: (row: EvaluationRow) => number, classes: number) => {
      const asked = { labels: Uint8Array.from(rows, label), classes, seed: options.seed };
      const [was, is] = [share(before[view], rows, asked), share(after[view], rows, asked)];
      return { before: estimateOf(was), after: estimateOf(is), change: estimateOf(leadOver(is, was)) };
    };
    const scanner = told(({ site }) => data.sites.indexOf(site), data.sites.length);
    return { view, scanner, class: told(({ label }) => label, target.classes.length) };
  });
  return { ...frame, views, undefined_because: null };
}

function groupsOf(rows: readonly EvaluationRow[]): number {
  return new Set(rows.map(({ group }) => group)).size;
}

/** One row of numbers for each image, by view. */
type Seen = Readonly<Record<View, Float32Array>>;

async function seen(
  rows: readonly EvaluationRow[],
  { data, images, options }: CompareWork,
  harmonyOf: (row: EvaluationRow) => PictureHarmony | undefined,
): Promise<Seen> {
  const { imageSize, slices } = images;
  const each = await mapPool(rows, { jobs: READERS, signal: options.signal }, async (row) => {
    const [[path = ''] = []] = await findExamples(data.root, row.row.id, data.selection);
    const form = { imageSize, slices, layout: 'montage' as const, harmony: harmonyOf(row) };
    const greys = montageOf(await readPictures(path, { ...form, ...readAs(data.selection) }), imageSize);
    const shown = standardize(Float32Array.from(greys, (grey) => grey / 255));
    const box = { left: 0, top: 0, width: imageSize, height: imageSize };
    const tissue = shown.filter((_, at) => u8At(greys, at) > TISSUE);
    return {
      greys: Float32Array.from(landmarksOf(tissue) ?? []),
      pixels: resample({ width: imageSize, height: imageSize, pixels: shown }, box, SIDE),
    };
  });
  return { greys: joined(each.map(({ greys }) => greys)), pixels: joined(each.map(({ pixels }) => pixels)) };
}

/** Rows one after the other; those of an image without contrast are zeros. */
function joined(rows: readonly Float32Array[]): Float32Array {
  const width = Math.max(...rows.map(({ length }) => length));
  const all = new Float32Array(rows.length * width);
  for (const [at, row] of rows.entries()) all.set(row, at * width);
  return all;
}

interface Asked {
  readonly labels: Uint8Array;
  readonly classes: number;
  readonly seed: number;
}

/** Balanced accuracy, the mean of that over several ways to make folds. */
function share(points: Float32Array, rows: readonly EvaluationRow[], asked: Asked): Figure | null {
  const distances = squaredDistances(points, rows.length);
  const groups = indexGroups(rows.map(({ group }) => group));
  const each = Array.from({ length: REPEATS }, (_, repeat) => {
    const seed = deriveSeed(asked.seed, 'scanners', repeat);
    return balancedFigure(scoreInFolds(distances, rows, { ...asked, seed }), groups);
  });
  return combineFigures(each.map((figure) => [1 / REPEATS, figure] as const));
}

function scoreInFolds(
  distances: Float32Array,
  rows: readonly EvaluationRow[],
  { labels, classes, seed }: Asked,
) {
  const items = rows.map(({ group }, at) => ({ group, label: u8At(labels, at) }));
  const probabilities = new Float64Array(rows.length * classes);
  for (const fold of groupedFolds(items, FOLDS, seed)) {
    const scores = scoreByKernelMachine(distances, { labels, classes, kind: 'linear' }, fold);
    for (const [at, row] of Array.from(fold.test).entries())
      probabilities.set(scores.subarray(at * classes, (at + 1) * classes), row * classes);
  }
  return { labels, classes, probabilities };
}
