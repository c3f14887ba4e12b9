import { join, resolve } from 'node:path';
import { canonicalJson, prettyJson, sha256 } from '../../runtime/base/digest.ts';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { noProgress, type Progress } from '../../runtime/base/logging/progress.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { findGroups, type GroupItem, type GroupRule } from '../groups/find-groups.ts';
import { prepareDecoder } from '../image/decode.ts';
import { type Fault, PictureError } from '../image/fault.ts';
import { checkPlaces } from './check-places.ts';
import { type Entry, participantsSidecar, participantsTable, type TableContext } from './columns.ts';
import { type DatasetTexts, datasetTexts } from './dataset-texts.ts';
import { KAGGLE_LABELS, readLabelMap } from './label-map.ts';
import { openPartial, type PartialTree } from './partial-tree.ts';
import { convertPicture, encodeSlice, type PictureFacts, type Processing } from './picture-file.ts';
import { checkClasses, type SourcePicture, type SourceTree, scanSource } from './scan.ts';
import { type BidsSummary, showPath, summarise } from './summary.ts';

export interface ConvertOptions extends DatasetTexts {
  readonly source: string;
  readonly target: string;
  /** File with lines `folder: label`; without it Kaggle's folder names are known. */
  readonly labelMap: string | undefined;
  readonly processing: Processing;
  readonly rule: GroupRule;
  /** Pictures worked on at once. */
  readonly jobs: number;
  /** Leave bad pictures out instead of stopping. */
  readonly skipBad: boolean;
  /** Read, check and group, but write nothing. */
  readonly dryRun: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

interface ReadPicture {
  readonly source: SourcePicture;
  readonly id: string;
  readonly sourceSha256: string;
  readonly facts: PictureFacts;
}

/**
 * Class folders of pictures to a BIDS derivative, one participant a picture. The target appears whole or not at all; a run that was broken
 * off goes on where it was; equal sources and options give equal bytes.
 * @throws NF_BIDS_*, NF_PATH_*; bad pictures are all listed in NF_BIDS_BAD_IMAGES.
 */
export async function convertClassFolders(options: ConvertOptions): Promise<BidsSummary> {
  const { source, skipBad, dryRun } = options;
  const target = resolve(options.target);
  await checkPlaces({ source, target: options.target, what: 'Target' });
  const labels = options.labelMap === undefined ? KAGGLE_LABELS : await readLabelMap(options.labelMap);
  const tree = await scanSource(source, labels);
  prepareDecoder();
  const digests = await digestFiles(options, tree);
  const sourceDigest = sha256(canonicalJson(tree.pictures.map(({ path }, at) => [path, digests[at]])));
  const key = planKey(options, tree, sourceDigest);
  const partial = dryRun ? undefined : await openPartial(target, key);
  try {
    const { read, faults } = await convertAll({ options, tree, digests, partial });
    const bad = [...tree.faults, ...faults].sort((a, b) => compareText(a.path, b.path));
    if (bad.length > 0 && !skipBad && !dryRun) throw badImages(bad, tree, source);
    return await finish({ options, read, bad, partial, sourceDigest });
  } catch (error) {
    // What bad input made is of no use to a later run; what an interruption or a full disk left is.
    if (error instanceof NeuroflareError && error.exitCode === 4) await partial?.discard();
    throw error;
  } finally {
    await partial?.release();
  }
}

/** Reads each file once for its digest, which the key needs; a file that cannot be read is a fault of the next step. */
async function digestFiles(options: ConvertOptions, tree: SourceTree): Promise<string[]> {
  const { progress = noProgress, jobs, signal } = options;
  let done = 0;
  return mapPool(tree.pictures, { jobs, signal }, async ({ path }) => {
    const bytes = await readPicture(options.source, path).catch(() => undefined);
    progress({ what: 'files read', done: ++done, total: tree.pictures.length });
    return bytes === undefined ? '' : sha256(bytes);
  });
}

/** Equal keys give equal bytes. */
function planKey(options: ConvertOptions, tree: SourceTree, sourceDigest: string): string {
  const { processing, rule, name, license, authors } = options;
  const labels = tree.pictures.map(({ label }) => label);
  const version = packageVersion();
  return sha256(canonicalJson({ version, processing, rule, name, license, authors, labels, sourceDigest }));
}

async function convertAll(what: {
  options: ConvertOptions;
  tree: SourceTree;
  digests: readonly string[];
  partial: PartialTree | undefined;
}): Promise<{ read: ReadPicture[]; faults: Fault[] }> {
  const { options, tree, digests, partial } = what;
  const { progress = noProgress, jobs, signal } = options;
  const faults: Fault[] = [];
  const width = Math.max(4, String(tree.pictures.length).length);
  let done = 0;
  const all = await mapPool(tree.pictures, { jobs, signal }, async (source, at) => {
    const id = `sub-${String(at + 1).padStart(width, '0')}`;
    const sourceSha256 = digests[at] ?? '';
    const facts = await convertOne({ options, source, id, partial }).catch((error: unknown) => {
      if (!(error instanceof PictureError)) throw error;
      faults.push({ code: error.code, path: source.path, detail: error.message });
      return undefined;
    });
    progress({ what: 'images', done: ++done, total: tree.pictures.length });
    return facts && { source, id, sourceSha256, facts };
  });
  return { read: all.filter((picture) => picture !== undefined), faults };
}

async function convertOne(what: {
  options: ConvertOptions;
  source: SourcePicture;
  id: string;
  partial: PartialTree | undefined;
}): Promise<PictureFacts> {
  const { options, source, id, partial } = what;
  const finished = partial?.finished.get(source.path);
  if (finished) return finished;
  const bytes = await readPicture(options.source, source.path);
  const { facts, image } = await convertPicture(bytes, options.processing);
  if (partial) {
    const file = `${id}/anat/${id}_desc-slice_T1w.nii.gz`;
    await partial.addImage({ path: source.path, file, bytes: await encodeSlice(image), facts });
  }
  return facts;
}

async function readPicture(root: string, path: string): Promise<Uint8Array> {
  try {
    return await readInput(join(root, path));
  } catch (cause) {
    throw new PictureError('unreadable', (cause as Error).message, { cause });
  }
}

async function finish(what: {
  options: ConvertOptions;
  read: readonly ReadPicture[];
  bad: readonly Fault[];
  partial: PartialTree | undefined;
  sourceDigest: string;
}): Promise<BidsSummary> {
  const { options, read, bad, partial, sourceDigest } = what;
  const { rule, processing, progress = noProgress, signal } = options;
  checkClasses(
    read.map(({ source }) => source.label),
    options.source,
  );
  const watch = { progress, ...(signal && { signal }) };
  const grouping = await findGroups(read.map(groupItem), rule, watch);
  const entries = read.flatMap((picture): Entry[] => {
    const mark = grouping.marks.get(picture.source.path);
    return mark ? [{ ...picture, mark }] : [];
  });
  const labels = [...new Set(read.map(({ source }) => source.label))].sort();
  const idOf = new Map(read.map(({ source, id }) => [source.path, id]));
  if (partial) {
    const images = entries.length;
    const texts = datasetTexts({ ...options, images, sourceDigest });
    await writeTexts({ partial, entries, texts, table: { rule, processing, labels, idOf } });
    signal?.throwIfAborted();
    await partial.publish();
  }
  const resumed = read.filter(({ source }) => partial?.finished.has(source.path)).length;
  return summarise({ target: partial ? options.target : null, entries, grouping, rule, bad, resumed });
}

async function writeTexts(what: {
  partial: PartialTree;
  entries: readonly Entry[];
  texts: ReadonlyMap<string, string>;
  table: TableContext;
}): Promise<void> {
  const { partial, entries, texts, table } = what;
  for (const [file, text] of texts) await partial.addText(file, text);
  await partial.addText('participants.tsv', participantsTable(entries, table));
  await partial.addText('participants.json', prettyJson(participantsSidecar(table)));
}

function groupItem({ source, facts }: ReadPicture): GroupItem {
  return {
    path: source.path,
    label: source.label,
    pixelSha256: facts.pixelSha256,
    thumbnail: Buffer.from(facts.thumbnail, 'base64'),
    preferred: /^train/i.test(source.split ?? ''),
  };
}

/** All of them are listed; the first is the place. */
function badImages(bad: readonly Fault[], tree: SourceTree, source: string) {
  const total = tree.pictures.length + tree.faults.length;
  const excerpt = bad.map(({ code, path, detail }) => `${showPath(path)}: ${code}, ${detail}`).join('\n');
  const place = { file: join(source, showPath(bad[0]?.path ?? '')), excerpt };
  return flError('NF_BIDS_BAD_IMAGES', { count: bad.length, total }, { place });
}
