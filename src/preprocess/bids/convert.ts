import { resolve } from 'node:path';
import { canonicalJson, prettyJson, sha256, sha256File } from '../../runtime/base/digest.ts';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { noProgress, type Progress } from '../../runtime/base/logging/progress.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { findGroups, type GroupItem, type GroupRule } from '../groups/find-groups.ts';
import { prepareDecoder } from '../image/decode.ts';
import type { Fault } from '../image/fault.ts';
import { checkClasses } from '../sources/class-folders.ts';
import { openSource, type SourceOptions } from '../sources/open-source.ts';
import { checkPlaces } from './check-places.ts';
import { participantsSidecar, participantsTable } from './columns.ts';
import { convertExamination } from './convert-examination.ts';
import { type DatasetTexts, datasetTexts } from './dataset-texts.ts';
import type { Entry, ReadExamination, TableContext } from './entry.ts';
import type { ExaminationSource } from './examination.ts';
import { type Facts, factsSchema, pixelDigestOf } from './facts.ts';
import { openPartial, type PartialTree } from './partial-tree.ts';
import type { Processing } from './picture-file.ts';
import { type BidsSummary, showPath, summarise } from './summary.ts';

/** How a data set is written, whatever its source. */
export interface WriteOptions extends DatasetTexts {
  readonly source: string;
  readonly target: string;
  readonly processing: Processing;
  readonly rule: GroupRule;
  /** Take faces out of volumes. */
  readonly deface: boolean;
  /** Images worked on at once. */
  readonly jobs: number;
  /** Leave bad files out instead of stopping. */
  readonly skipBad: boolean;
  /** Read, check and group, but write nothing. */
  readonly dryRun: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export type ConvertOptions = WriteOptions & SourceOptions;

/**
 * A folder of pictures or volumes to a BIDS derivative, one participant an examination. What kind of source it is is seen by `openSource`.
 * @throws NF_BIDS_*, NF_TABLE_*, NF_PATH_*; bad files are all listed in NF_BIDS_BAD_IMAGES.
 */
export async function convertFolder(options: ConvertOptions): Promise<BidsSummary> {
  const { source, target } = options;
  await checkPlaces({ source, target, what: 'Target' });
  const found = await openSource(options);
  try {
    return await writeDataset(found, options);
  } finally {
    await found.close?.();
  }
}

/**
 * Writes what a source holds as a BIDS derivative. The target appears whole or not at all; a run that was broken off goes on where it was;
 * equal sources and options give equal bytes.
 * @throws NF_BIDS_*, NF_PATH_*; bad files are all listed in NF_BIDS_BAD_IMAGES.
 */
export async function writeDataset(found: ExaminationSource, options: WriteOptions): Promise<BidsSummary> {
  const { skipBad, dryRun } = options;
  checkUse(found, options);
  prepareDecoder();
  const digests = await digestFiles(found, options);
  const named = found.examinations.map(({ key }, at) => [key, ...(digests[at] ?? [])]);
  const sourceDigest = sha256(canonicalJson(named));
  const key = planKey({ found, options, sourceDigest });
  const partial = dryRun ? undefined : await openPartial(resolve(options.target), key, factsSchema);
  try {
    const { read, faults } = await convertAll({ found, options, digests, partial });
    const bad = [...found.faults, ...faults].sort(byPlace);
    // Where none is left, what is wrong with them says more than that there are no classes.
    const isEnough = (skipBad || dryRun) && read.length > 0;
    if (bad.length > 0 && !isEnough) throw badImages(bad, found);
    return await finish({ found, options, read, bad, partial, sourceDigest });
  } catch (error) {
    // What bad input made is of no use to a later run; what an interruption or a full disk left is.
    if (error instanceof NeuroflareError && error.exitCode === 4) await partial?.discard();
    throw error;
  } finally {
    await partial?.release();
  }
}

/** Lines of one table by number, all else by name. */
function byPlace(a: Fault, b: Fault): number {
  const lines = a.place.file === b.place.file ? (a.place.line ?? 0) - (b.place.line ?? 0) : 0;
  return lines || compareText(a.path, b.path);
}

/** SHA-256 of every file of every examination, which the key needs; '' for one that cannot be read, which the next step names. */
async function digestFiles(found: ExaminationSource, options: WriteOptions): Promise<string[][]> {
  const { progress = noProgress, jobs, signal } = options;
  const total = found.examinations.length;
  let done = 0;
  return mapPool(found.examinations, { jobs, signal }, async ({ files }) => {
    const digests: string[] = [];
    for (const file of files) digests.push(await sha256File(file).catch(() => ''));
    progress({ what: 'files read', done: ++done, total });
    return digests;
  });
}

/** Equal keys give equal bytes. */
function planKey(what: { found: ExaminationSource; options: WriteOptions; sourceDigest: string }): string {
  const { found, options, sourceDigest } = what;
  const { processing, rule, name, license, authors, deface } = options;
  const rows = found.examinations.map(({ label, patient, site, session, origin, content }) => ({
    ...origin,
    label,
    patient: patient ?? null,
    site: site ?? null,
    session: session ?? null,
    images: content.kind === 'volumes' ? content.images.map((image) => image.name) : [],
  }));
  const version = packageVersion();
  const { texts } = found;
  return sha256(
    canonicalJson({ version, processing, deface, rule, name, license, authors, texts, rows, sourceDigest }),
  );
}

async function convertAll(what: {
  found: ExaminationSource;
  options: WriteOptions;
  digests: readonly (readonly string[])[];
  partial: PartialTree<Facts> | undefined;
}): Promise<{ read: ReadExamination[]; faults: Fault[] }> {
  const { found, options, digests, partial } = what;
  const { processing, progress = noProgress, jobs, signal } = options;
  const { examinations, texts } = found;
  const faces = !options.deface ? 'keep' : texts.skullStripped ? 'stripped' : 'remove';
  const faults: Fault[] = [];
  const width = Math.max(4, String(examinations.length).length);
  let done = 0;
  const all = await mapPool(examinations, { jobs, signal }, async (source, at) => {
    const id = `sub-${String(at + 1).padStart(width, '0')}`;
    const facts = await convertExamination({ source, id, processing, faces, partial });
    progress({ what: 'images', done: ++done, total: examinations.length });
    if (!('code' in facts)) return { source, id, sourceSha256: digests[at]?.[0] ?? '', facts };
    faults.push(facts);
    return undefined;
  });
  return { read: all.filter((examination) => examination !== undefined), faults };
}

async function finish(what: {
  found: ExaminationSource;
  options: WriteOptions;
  read: readonly ReadExamination[];
  bad: readonly Fault[];
  partial: PartialTree<Facts> | undefined;
  sourceDigest: string;
}): Promise<BidsSummary> {
  const { found, options, read, bad, partial, sourceDigest } = what;
  const { rule, processing, progress = noProgress, signal } = options;
  checkClasses(
    read.map(({ source }) => source.label),
    options.source,
  );
  const watch = { progress, ...(signal && { signal }) };
  const grouping = await findGroups(read.map(groupItem), rule, watch);
  const entries = read.flatMap((examination): Entry[] => {
    const mark = grouping.marks.get(examination.source.key);
    return mark ? [{ ...examination, mark }] : [];
  });
  const labels = [...new Set(read.map(({ source }) => source.label))].sort();
  const idOf = new Map(read.map(({ source, id }) => [source.key, id]));
  if (partial) {
    const texts = datasetTexts({ ...options, entries, source: found, sourceDigest });
    const table = { kind: found.kind, rule, processing, labels, idOf };
    await writeTexts({ partial, entries, texts, table });
    signal?.throwIfAborted();
    await partial.publish();
  }
  const resumed = read.filter(({ source }) => partial?.finished.has(source.key)).length;
  return summarise({ target: partial ? options.target : null, entries, grouping, rule, bad, resumed });
}

async function writeTexts(what: {
  partial: PartialTree<Facts>;
  entries: readonly Entry[];
  texts: ReadonlyMap<string, string>;
  table: TableContext;
}): Promise<void> {
  const { partial, entries, texts, table } = what;
  for (const [file, text] of texts) await partial.addFile(file, text);
  await partial.addFile('participants.tsv', participantsTable(entries, table));
  await partial.addFile('participants.json', prettyJson(participantsSidecar(entries, table)));
}

function groupItem({ source, facts }: ReadExamination): GroupItem {
  return {
    path: source.key,
    label: source.label,
    pixelSha256: pixelDigestOf(facts),
    thumbnail: 'picture' in facts ? Buffer.from(facts.picture.thumbnail, 'base64') : undefined,
    headThumbnail: 'picture' in facts ? Buffer.from(facts.picture.headThumbnail, 'base64') : undefined,
    patient: source.patient,
    preferred: /^train/i.test(source.origin.split ?? ''),
  };
}

/** Options that would have no effect are refused. */
function checkUse({ kind }: ExaminationSource, { processing }: WriteOptions): void {
  if (kind === 'pictures') return;
  const flag = processing.headMask ? 'head-mask' : processing.size === undefined ? undefined : 'size';
  if (flag !== undefined) throw flError('NF_BIDS_PICTURES_ONLY', { flag });
}

/** All of them are listed; the first is the place. */
function badImages(bad: readonly Fault[], { examinations, faults }: ExaminationSource) {
  const total = examinations.length + faults.length;
  const excerpt = bad.map(({ code, path, detail }) => `${showPath(path)}: ${code}, ${detail}`).join('\n');
  const place = { ...bad[0]?.place, excerpt };
  return flError('NF_BIDS_BAD_IMAGES', { count: bad.length, total }, { place });
}
