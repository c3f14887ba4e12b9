import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { flError, toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile, writeFileAtomic } from '../../runtime/base/files/files.ts';
import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { DEFAULTS, type Selection } from '../../runtime/base/selection/selection.ts';
import { mapOperations } from '../../runtime/base/threads/map-operations.ts';
import { checkPlaces } from '../bids/check-places.ts';
import { describeImages } from '../bids/choose-images.ts';
import { parseImageName } from '../bids/image-name.ts';
import { findExamples, listExamples } from '../bids/layout.ts';
import { COLUMN, isDataset, listParticipants } from '../bids/participants.ts';
import { makeWholeFolder } from '../bids/whole-folder.ts';
import { selectionFor } from '../select/record.ts';
import { readSelectionOptions, type SelectionOptions } from '../select/selection-options.ts';
import { type Condition, judge, type Verdict } from './gate.ts';
import type { ImageQuality } from './measure-image.ts';
import type { MeasuredImage } from './measured-image.ts';
import { findOutliers, type Outlier, type SiteGroup } from './outliers.ts';
import type { QualityTask } from './quality-task.ts';
import { MOST_SHOWN, sheetPage, worstFirst } from './sheet.ts';
import { MAP_NAME, qualityTexts } from './tables.ts';

export interface QualityOptions {
  /** BIDS data set. */
  readonly source: string;
  /** Which images: suffix, filter, one-per and NaN count. */
  readonly select: SelectionOptions;
  /** Folder to make: table, sidecars, contact sheet and maps; undefined writes none. */
  readonly out: string | undefined;
  /** HTML file to write. */
  readonly sheet: string | undefined;
  readonly gate: readonly Condition[];
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** An image that cannot be read. */
export interface BadImage {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

export interface QualityResult {
  readonly suffix: string;
  readonly images: readonly MeasuredImage[];
  readonly bad: readonly BadImage[];
  readonly outliers: ReadonlyMap<string, readonly Outlier[]>;
  readonly groups: readonly SiteGroup[];
  readonly verdict: Verdict;
  readonly out: string | null;
  readonly sheet: string | null;
  readonly maps: readonly string[];
}

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const ENTRY = new URL(`./quality-entry${MODULE_EXTENSION}`, import.meta.url);
type QualityOperations = { measureImage: (task: QualityTask) => Promise<ImageQuality> };

/** The contact sheet's name in the derivative. */
const SHEET = 'quality.html';

/**
 * Measures the images of a data set. What is written appears whole or not at all.
 * @throws NF_BIDS_*, NF_SELECT_*, NF_PATH_*; NF_QUALITY_NONE where no image is there; the signal's reason when aborted
 */
export async function measureQualityOf(options: QualityOptions): Promise<QualityResult> {
  const { source, signal } = options;
  if (!(await isDataset(source)))
    throw flError(
      'NF_BIDS_NOT_A_DATASET',
      { path: source, missing: 'dataset_description.json' },
      { place: { file: source } },
    );
  const selection = await selectionFor(
    source,
    (await readSelectionOptions(source, options.select)).selection,
  );
  const images = await imagesOf(source, selection);
  const pictures = await mkdtemp(join(tmpdir(), 'neuroflare-quality-'));
  try {
    if (options.out === undefined)
      return await measure({ options, selection, images, pictures, folder: undefined });
    const target = resolve(options.out);
    await checkPlaces({ source, target, what: 'Folder' });
    return await makeWholeFolder(target, signal, (folder) =>
      measure({ options, selection, images, pictures, folder }),
    );
  } finally {
    await rm(pictures, { recursive: true, force: true });
  }
}

interface Listed {
  readonly path: string;
  /** From the root, with `/`. */
  readonly file: string;
  readonly participant: string;
  readonly site: string | null;
}

/** @throws NF_QUALITY_NONE */
async function imagesOf(source: string, selection: Selection): Promise<Listed[]> {
  const { rows } = await listParticipants(source);
  const images: Listed[] = [];
  for (const { id, values } of rows) {
    // Whoever has no such image is no fault here: other modalities are common.
    if ((await listExamples(source, id, selection)).examples.length === 0) continue;
    for (const path of (await findExamples(source, id, selection)).flat()) {
      const file = relative(source, path).split(sep).join('/');
      images.push({ path, file, participant: id, site: values.get(COLUMN.site) ?? null });
    }
  }
  if (images.length > 0) return images;
  throw flError(
    'NF_QUALITY_NONE',
    { path: source, what: describeImages(selection) },
    { place: { file: source } },
  );
}

interface Work {
  readonly options: QualityOptions;
  readonly selection: Selection;
  readonly images: readonly Listed[];
  /** Folder of thumbnails by the number of their image, so that they need no memory. */
  readonly pictures: string;
  readonly folder: string | undefined;
}

async function measure(work: Work): Promise<QualityResult> {
  const { options, selection, folder } = work;
  const { source, signal } = options;
  const suffix = selection.suffix ?? DEFAULTS.suffix;
  const results = await measureAll(work);
  const images = results.flatMap((result) => ('code' in result ? [] : [result]));
  const bad = results.flatMap((result) => ('code' in result ? [result] : []));
  const { outliers, groups } = findOutliers(images);
  const verdict = judge(images, options.gate);
  const maps =
    folder === undefined
      ? []
      : images.flatMap((image) => (image.kind === 'series' ? [mapName(image.file)] : []));
  const page =
    folder === undefined && options.sheet === undefined
      ? ''
      : await pageOf(work, { images, outliers, verdict });
  signal.throwIfAborted();
  if (folder !== undefined) {
    const target = resolve(options.out ?? '');
    const link = relative(target, resolve(source)).split(sep).join('/');
    const texts = qualityTexts({
      name: basename(target),
      link,
      suffix,
      images,
      outliers,
      maps: maps.length > 0,
    });
    for (const [name, text] of texts) {
      await makeFolder(dirname(join(folder, name)));
      await putFile(join(folder, name), text);
    }
    await putFile(join(folder, SHEET), page);
  }
  if (options.sheet !== undefined) await writeFileAtomic(options.sheet, page);
  return {
    suffix,
    images,
    bad,
    outliers,
    groups,
    verdict,
    out: options.out ?? null,
    sheet: options.sheet ?? (options.out === undefined ? null : join(options.out, SHEET)),
    maps,
  };
}

/** The contact sheet. */
async function pageOf(
  { options, images: listed, pictures }: Work,
  { images, outliers, verdict }: Pick<QualityResult, 'images' | 'outliers' | 'verdict'>,
): Promise<string> {
  const failed = Map.groupBy(verdict.failed, ({ file }) => file);
  const numbers = new Map(listed.map(({ file }, at) => [file, at]));
  const shown = worstFirst(
    images.map((image) => ({
      image,
      outliers: outliers.get(image.file) ?? [],
      failed: failed.get(image.file) ?? [],
    })),
  ).slice(0, MOST_SHOWN);
  const thumbnails = shown.map(async (one) => ({
    ...one,
    thumbnail: await readFile(join(pictures, String(numbers.get(one.image.file)))),
  }));
  return sheetPage({
    title: basename(resolve(options.source)),
    total: images.length,
    shown: await Promise.all(thumbnails),
  });
}

async function measureAll({
  options,
  selection,
  images,
  pictures,
  folder,
}: Work): Promise<(MeasuredImage | BadImage)[]> {
  const { jobs, signal, progress } = options;
  let done = 0;
  const pool = { entry: ENTRY, jobs, signal };
  return mapOperations<QualityOperations, [number, Listed], MeasuredImage | BadImage>(
    pool,
    [...images.entries()],
    async (thread, [at, { path, ...listed }]) => {
      const { file } = listed;
      const map = folder === undefined ? undefined : { stem: join(folder, mapName(file)), source: file };
      const suffix = parseImageName(basename(file))?.suffix ?? '';
      try {
        const task = { file: path, suffix, nanToZero: selection.nan === 'zero', map };
        const { thumbnail, kind, shape, figures } = await thread.run('measureImage', task);
        await writeFile(join(pictures, String(at)), thumbnail);
        return { ...listed, kind, shape, figures };
      } catch (thrown) {
        signal.throwIfAborted();
        const error = toNeuroflareError(thrown);
        if (error.code === 'NF_INTERNAL') throw error;
        return { file, code: error.code, message: error.message };
      } finally {
        progress({ what: 'images measured', done: ++done, total: images.length });
      }
    },
  );
}

/** `sub-01/func/sub-01_task-rest_stat-tsnr_boldmap`, without its ending. */
function mapName(file: string): string {
  const stem = basename(file).replace(/_[0-9A-Za-z]+\.nii(\.gz)?$/, '');
  return `${dirname(file)}/${stem}_${MAP_NAME}`;
}
