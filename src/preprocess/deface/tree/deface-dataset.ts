import { basename, join, resolve } from 'node:path';
import { canonicalJson, prettyJson, sha256 } from '../../../runtime/base/digest.ts';
import { flError, NeuroflareError } from '../../../runtime/base/errors/errors.ts';
import { MODULE_EXTENSION } from '../../../runtime/base/files/module-file.ts';
import { packageVersion } from '../../../runtime/base/files/package-version.ts';
import type { Progress } from '../../../runtime/base/logging/progress.ts';
import { compareText } from '../../../runtime/base/text/compare-text.ts';
import { mapOperations } from '../../../runtime/base/threads/map-operations.ts';
import { checkPlaces } from '../../bids/check-places.ts';
import { openPartial, type PartialTree } from '../../bids/partial-tree.ts';
import { requireDescription } from '../../bids/participants.ts';
import { readContent } from '../../bids/read-inside.ts';
import { objectOf } from '../../bids/sidecar.ts';
import { defacingTexts, REPORT, reportTable } from '../face-record.ts';
import {
  type BadFile,
  type DefaceThread,
  defaceSession,
  type SessionFacts,
  sessionFactsSchema,
  type TreeImage,
  withoutRows,
} from './deface-session.ts';
import { ImageSidecars, suffixOf } from './image-sidecars.ts';
import { type LeftFile, listTexts, listTree, stampOf, type Tree } from './list-tree.ts';

const OTHER_GRID = 'it is on the grid of no image of its session in which a face was found';

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const ENTRY = new URL(`../deface-entry${MODULE_EXTENSION}`, import.meta.url);

export interface DefaceOptions {
  readonly source: string;
  /** Folder to make; must not exist. */
  readonly target: string;
  /** Suffixes of images whose faces are kept. */
  readonly keep: readonly string[];
  /** Leave images out that cannot be used, instead of stopping. */
  readonly skipBad: boolean;
  /** Threads; results do not depend on it. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface DefaceResult {
  readonly path: string;
  /** By path. */
  readonly images: readonly TreeImage[];
  /** Of derivatives. */
  readonly masks: SessionFacts['masks'];
  readonly left: readonly LeftFile[];
  readonly bad: readonly BadFile[];
  /** Images that an earlier run wrote. */
  readonly resumed: number;
}

/**
 * Makes a new data set of a BIDS data set, in which all images of heads are without faces. The source is only read. The target appears whole or
 * not at all; a run that was broken off goes on where it was.
 * @throws NF_PATH_MISSING, NF_PATH_EXISTS, NF_PATH_BUSY, NF_BIDS_PLACES, NF_BIDS_NOT_A_DATASET, NF_DEFACE_KEEP, NF_DEFACE_NONE; NF_DEFACE_BAD with all
 *   that cannot be used; the signal's reason when aborted
 */
export async function defaceDataset(options: DefaceOptions): Promise<DefaceResult> {
  const { source, skipBad } = options;
  const target = resolve(options.target);
  await checkPlaces({ source, target, what: 'Target' });
  await requireDescription(source);
  const tree = await listTree(source);
  checkKeep(tree, options);
  const partial = await openPartial(target, await keyOf(tree, options), sessionFactsSchema);
  try {
    const resumed = [...partial.finished.values()].reduce((sum, { images }) => sum + images.length, 0);
    const { images, masks, masksLeft, bad } = await defaceAll(tree, partial, options);
    if (bad.length > 0 && !skipBad) throw badFiles(bad, { tree, source });
    if (images.length === 0) throw flError('NF_DEFACE_NONE', { path: source }, { place: { file: source } });
    await writeShared({ tree, images, masks, partial, options });
    options.signal.throwIfAborted();
    await partial.publish();
    const left = [...tree.left, ...masksLeft.map((file) => ({ file, reason: OTHER_GRID }))];
    return { path: target, images, masks, left, bad, resumed };
  } catch (error) {
    // What bad input made is of no use to a later run; what an interruption or a full disk left is.
    if (error instanceof NeuroflareError && error.exitCode === 4) await partial.discard();
    throw error;
  } finally {
    await partial.release();
  }
}

/** @throws NF_DEFACE_KEEP for a suffix that no image has; NF_DEFACE_NONE */
function checkKeep({ sessions }: Tree, { keep, source }: DefaceOptions): void {
  const images = sessions.flatMap((session) => session.images);
  if (images.length === 0) throw flError('NF_DEFACE_NONE', { path: source }, { place: { file: source } });
  const suffixes = new Set(images.map(suffixOf));
  const unknown = keep.find((suffix) => !suffixes.has(suffix));
  if (unknown === undefined) return;
  throw flError('NF_DEFACE_KEEP', { suffix: unknown, found: [...suffixes].sort().join(', ') });
}

/** Equal keys give equal bytes. */
async function keyOf(tree: Tree, { source, keep }: DefaceOptions): Promise<string> {
  const stamp = await stampOf(source, tree);
  return sha256(
    canonicalJson({ version: packageVersion(), source: resolve(source), keep: [...keep], stamp }),
  );
}

async function defaceAll(
  { sessions }: Tree,
  partial: PartialTree<SessionFacts>,
  { source, keep, jobs, signal, progress }: DefaceOptions,
): Promise<SessionFacts & { bad: BadFile[] }> {
  const total = sessions.reduce((sum, { images }) => sum + images.length, 0);
  let done = 0;
  const work = {
    root: source,
    partial,
    sidecars: new ImageSidecars(source),
    keep: new Set(keep),
    signal,
    tell: () => progress({ what: 'images', done: ++done, total }),
  };
  const all = await mapOperations({ entry: ENTRY, jobs, signal }, sessions, (thread: DefaceThread, session) =>
    defaceSession(thread, session, work),
  );
  const byFile = (a: { file: string }, b: { file: string }) => compareText(a.file, b.file);
  return {
    images: all.flatMap(({ images }) => images).sort(byFile),
    masks: all.flatMap(({ masks }) => masks).sort(byFile),
    masksLeft: all.flatMap(({ masksLeft }) => masksLeft).sort(compareText),
    bad: all.flatMap(({ bad }) => bad).sort(byFile),
  };
}

/** All are listed; the first is the place. */
function badFiles(
  bad: readonly BadFile[],
  { tree: { sessions }, source }: { tree: Tree; source: string },
): NeuroflareError {
  const total = sessions.reduce((sum, { images }) => sum + images.length, 0);
  const excerpt = bad.map(({ file, code, message }) => `${file}: ${code}, ${message}`).join('\n');
  return flError(
    'NF_DEFACE_BAD',
    { count: bad.length, total },
    { place: { file: join(source, bad[0]?.file ?? ''), excerpt } },
  );
}

async function writeShared(what: {
  tree: Tree;
  images: readonly TreeImage[];
  masks: SessionFacts['masks'];
  partial: PartialTree<SessionFacts>;
  options: DefaceOptions;
}): Promise<void> {
  const { tree, images, masks, partial, options } = what;
  const { source, target } = options;
  const left = new Set(images.map(({ file }) => file.split('/')[0]));
  const lost = new Set(tree.sessions.map(({ subject }) => subject).filter((subject) => !left.has(subject)));
  const ofMasks = new Set(masks.map(({ file }) => file.split('/').slice(0, 2).join('/')));
  const frames = await Promise.all([...ofMasks].map((derivative) => listTexts(source, derivative)));
  for (const file of [...tree.shared, ...frames.flat()]) {
    const bytes = await readContent(source, join(source, file));
    const isTable = file === 'participants.tsv' && lost.size > 0;
    await partial.addFile(file, isTable ? withoutRows(bytes, (name) => lost.has(name)) : bytes);
  }
  const name = 'dataset_description.json';
  const description = objectOf(await readContent(source, join(source, name)));
  if (!description) {
    const file = join(source, name);
    throw flError('NF_DEFACE_SIDECAR', { file }, { place: { file } });
  }
  await partial.addFile(
    name,
    prettyJson({ ...typeOf(description), GeneratedBy: [...generatedBy(description), OWN] }),
  );
  const rows = new Map(images.map(({ file, ...row }) => [file, row]));
  await partial.addFile(REPORT, reportTable(undefined, rows));
  if (!images.some(({ removedMl }) => removedMl !== undefined)) return;
  const words = {
    name: basename(resolve(target)),
    license: 'As the source images',
    authors: ['The authors of the source images', 'neuroflare (defacing)'],
    command: 'preprocess deface',
  };
  for (const [file, text] of defacingTexts(words)) await partial.addFile(file, text);
}

const OWN = {
  Name: 'neuroflare',
  Version: packageVersion(),
  Description: 'preprocess deface: faces taken out of all images of heads; code/defacing.tsv says it of each',
};

/** The validator takes a data set that says what generated it, and not its type, for a derivative. */
function typeOf(description: Readonly<Record<string, unknown>>): object {
  return description.GeneratedBy === undefined ? { DatasetType: 'raw', ...description } : description;
}

function generatedBy({ GeneratedBy: before }: Readonly<Record<string, unknown>>): unknown[] {
  return Array.isArray(before) ? (before as unknown[]) : [];
}
