import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { flError, toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import { DEFAULTS, type Selection } from '../../runtime/base/selection/selection.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { checkPlaces } from '../bids/check-places.ts';
import type { Example } from '../bids/choose-images.ts';
import { exampleOfMask, isInOwnSpace, listMasks, type SourceMask } from '../bids/derivative-masks.ts';
import { channelMissing, findExamples, incompleteNames, type Lacking, listExamples } from '../bids/layout.ts';
import { listSubjects, requireDescription } from '../bids/participants.ts';
import { makeWholeFolder } from '../bids/whole-folder.ts';
import { type CarriedFiles, carriedFrame, carriedTables } from './carried-files.ts';
import { derivativeTexts } from './derivative-texts.ts';
import { type Pipeline, spaceOf } from './pipeline.ts';
import type { ImageFile, ImageTask, MaskFile, PreparedImage } from './prepare-image.ts';
import { readTemplate } from './registration/template-file.ts';
import { type BadVolume, eachVolume, type VolumeWork } from './volume-threads.ts';

export interface PrepareOptions extends VolumeWork {
  readonly source: string;
  /** Folder to make; must not exist. */
  readonly target: string;
  readonly pipeline: Pipeline;
  /** Which images, by default T1w; of channels the first is the one whose grid all get. */
  readonly selection?: Selection | undefined;
}

export interface PrepareResult {
  readonly path: string;
  readonly images: readonly PreparedImage[];
  /** Sessions that lack a channel and were left out. */
  readonly incomplete: readonly string[];
  /** Masks that came along, below the source. */
  readonly masks: readonly string[];
  /** Those of them that have no label any more: it lies outside the results, or between their voxels. */
  readonly masksEmpty: readonly string[];
  /** Masks that did not, with the reason. */
  readonly masksLeft: readonly { readonly file: string; readonly reason: string }[];
  readonly bad: readonly BadVolume[];
}

const READERS = 8;
const IMAGE = /^(sub-.+?)(?:_desc-[^_]+)?_([A-Za-z0-9]+)\.nii(?:\.gz)?$/;

/**
 * Prepares the images of a BIDS data set that a selection takes, and writes a BIDS derivative: with several channels on one grid, with masks of the
 * source's derivatives, and with its tables. A failure or an abort leaves nothing.
 * @throws NF_PATH_MISSING, NF_PATH_EXISTS, NF_BIDS_PLACES, NF_BIDS_NOT_A_DATASET; NF_SELECT_CHANNEL_MISSING; NF_PREPARE_CONTRAST, NF_PREPARE_TWICE; NF_PREPARE_NONE
 *   where no image is left; what the first image that cannot be prepared throws; the signal's reason when aborted
 */
export async function prepareDataset(options: PrepareOptions): Promise<PrepareResult> {
  const { source } = options;
  const target = resolve(options.target);
  await checkPlaces({ source, target, what: 'Folder' });
  await checkTemplates(options.pipeline);
  const plan = await planOf(options);
  return makeWholeFolder(target, options.signal, async (folder) => {
    const tasks = plan.tasks.map((task) => inFolder(task, folder));
    const { results, bad } = await eachVolume(tasks, options, (thread, task) =>
      thread.run('prepareImage', task),
    );
    if (results.length === 0) throw flError('NF_PREPARE_NONE', { path: source }, { place: { file: source } });
    for (const [name, content] of [...plan.carried, ...describedBy(plan, options)]) {
      await makeFolder(dirname(join(folder, name)));
      await putFile(join(folder, name), content);
    }
    const images = results.flatMap((one) => one.images);
    const masks = results.flatMap((one) => one.masks);
    const masksEmpty = masks.filter(({ isEmpty }) => isEmpty).map(({ file }) => file);
    const { masksLeft, incomplete } = plan;
    return {
      path: target,
      images,
      masks: masks.map(({ file }) => file),
      masksEmpty,
      masksLeft,
      incomplete,
      bad,
    };
  });
}

/** Before any work: every image needs them. @throws as `readTemplate` */
async function checkTemplates({ steps }: Pipeline): Promise<void> {
  for (const step of steps) if (step.step === 'register') await readTemplate(step.template);
}

/** What is to be done, with paths of results below the target. */
interface Plan {
  readonly tasks: readonly ImageTask[];
  readonly incomplete: readonly string[];
  readonly masksLeft: PrepareResult['masksLeft'];
  readonly carried: CarriedFiles;
}

async function planOf(options: PrepareOptions): Promise<Plan> {
  const { source, pipeline } = options;
  const { examples: found, incomplete } = await examplesOfDataset(options);
  requireFittingScales(found, pipeline);
  requireOwnNames(found);
  const bySubject = [...Map.groupBy(found, ({ subject }) => subject)];
  const tables = await carriedTables(source, [...bySubject.map(([subject]) => subject)]);
  const tasks: ImageTask[] = [];
  const masksLeft: { file: string; reason: string }[] = [];
  const derivatives = new Set<string>();
  for (const [subject, own] of bySubject) {
    const masks = (await listMasks(source, subject)).map((mask) => ({ mask, ...homeOf(mask, own) }));
    for (const { mask, reason } of masks) {
      if (reason === undefined) derivatives.add(mask.derivative);
      else masksLeft.push({ file: mask.source, reason });
    }
    const ofExample = (at: number) =>
      masks.filter(({ home }) => home === at).map(({ mask }) => maskFile(mask, pipeline));
    tasks.push(...own.map((task, at) => ({ ...task, masks: ofExample(at) })));
  }
  const frames = await Promise.all(
    [...derivatives].map((name) =>
      carriedFrame(source, name, { link: linkOf(options), space: spaceOf(pipeline)?.template.name }),
    ),
  );
  return {
    tasks,
    incomplete: incompleteNames(incomplete),
    masksLeft,
    carried: new Map([tables, ...frames].flatMap((files) => [...files])),
  };
}

/** The example that a mask was drawn in, or why it does not come along. */
function homeOf(mask: SourceMask, examples: readonly SourceExample[]): { home?: number; reason?: string } {
  const suffixes = examples.flatMap(({ suffix, others }) => [suffix, ...others.map((other) => other.suffix)]);
  if (!isInOwnSpace(mask, suffixes))
    return { reason: `it lies in the space ${mask.name.entities.get('space')}` };
  const home = exampleOfMask(
    mask.name,
    examples.map(({ paths }) => paths),
  );
  return home === -1 ? { reason: 'no image that it may be of is prepared' } : { home };
}

/** A name as far as it says which image it is of, and the rest of it. */
const MASK = /^(sub-.*?)((?:_(?:desc|label|seg|scale|res|den)-[^_]+)*_[A-Za-z0-9]+)\.nii(?:\.gz)?$/;

function maskFile({ file, source }: SourceMask, pipeline: Pipeline): MaskFile {
  const [, start = '', end = ''] = MASK.exec(basename(file)) ?? [];
  return { file, source, path: join(dirname(source), `${inSpace(start, pipeline)}${end}`) };
}

function inFolder(task: ImageTask, folder: string): ImageTask {
  const placed = <File extends ImageFile>(file: File): File => ({ ...file, stem: join(folder, file.stem) });
  return {
    ...placed(task),
    others: task.others.map(placed),
    masks: task.masks.map((mask) => ({ ...mask, path: join(folder, mask.path) })),
  };
}

/** An example of a data set. */
export interface SourceExample extends Omit<ImageTask, 'masks'> {
  readonly subject: string;
  readonly paths: Example;
}

type SourceWish = Pick<PrepareOptions, 'source' | 'pipeline' | 'selection'>;

/**
 * Every example of a data set; results have no folder yet.
 * @param wish without a selection: T1w images
 * @throws NF_BIDS_NOT_A_DATASET, NF_SELECT_CHANNEL_MISSING with all that are missing, NF_SELECT_AMBIGUOUS
 */
export async function sourcesOf(wish: SourceWish): Promise<readonly SourceExample[]> {
  return (await examplesOfDataset(wish)).examples;
}

async function examplesOfDataset({ source, pipeline, selection = {} }: SourceWish) {
  await requireDescription(source);
  const subjects = await listSubjects(source);
  const incomplete = await lackingChannels({ source, subjects, selection });
  if (incomplete.length > 0 && selection.incomplete !== 'drop') throw channelMissing(incomplete, source);
  const examples: SourceExample[] = [];
  for (const subject of subjects) {
    for (const paths of await examplesOf(source, subject, selection)) {
      const [first, ...others] = paths.map((file) => imageFile(file, { root: source, pipeline }));
      if (first) examples.push({ subject, paths, pipeline, ...first, others });
    }
  }
  return { examples, incomplete };
}

function imageFile(file: string, { root, pipeline }: { root: string; pipeline: Pipeline }): ImageFile {
  const [, start = '', suffix = ''] = IMAGE.exec(basename(file)) ?? [];
  const source = relative(root, file).split(sep).join('/');
  return { file, source, suffix, stem: join(dirname(source), inSpace(start, pipeline)) };
}

async function lackingChannels(what: {
  source: string;
  subjects: readonly string[];
  selection: Selection;
}): Promise<Lacking[]> {
  const { source, subjects, selection } = what;
  const found = await mapPool(selection.channels ? subjects : [], { jobs: READERS }, async (participant) => {
    const { incomplete } = await listExamples(source, participant, selection);
    return { participant, incomplete };
  });
  return found.filter(({ incomplete }) => incomplete.length > 0);
}

/** Entities that come after the space in the names of BIDS. */
const BEHIND_SPACE = /_(?=(?:split|recording|chunk|seg|scale|res|den|label)-)/;

/** The name of an image after a registration says which space it is in. */
function inSpace(start: string, pipeline: Pipeline): string {
  const step = spaceOf(pipeline);
  if (!step) return start;
  const own = start.replace(/_space-[0-9A-Za-z+]+/, '');
  const at = own.search(BEHIND_SPACE);
  const [before, behind] = at === -1 ? [own, ''] : [own.slice(0, at), own.slice(at)];
  return `${before}_space-${step.space}${behind}`;
}

/** A subject without image is no fault here: other modalities are common. */
async function examplesOf(source: string, subject: string, selection: Selection): Promise<Example[]> {
  return findExamples(source, subject, selection).catch((thrown: unknown) => {
    if (toNeuroflareError(thrown).code === 'NF_BIDS_IMAGE_MISSING') return [];
    throw thrown;
  });
}

/** White matter is the brightest tissue of T1w images alone, and a standard scale that of the contrast it was fitted to. */
function requireFittingScales(found: readonly SourceExample[], { steps }: Pipeline): void {
  const step = steps.find(
    (one) => one.step === 'intensity' && (one.method === 'white_stripe' || one.method === 'nyul'),
  );
  const files = found.flatMap((example): ImageFile[] => [example, ...example.others]);
  const other = files.find(({ suffix }) => suffix !== DEFAULTS.suffix);
  if (step?.step !== 'intensity' || !other) return;
  const params = { method: step.method, suffix: other.suffix, file: other.file };
  throw flError('NF_PREPARE_CONTRAST', params, { place: { file: other.file } });
}

/** Names lose the description of an image, and its space where a template's takes its place. @throws NF_PREPARE_TWICE */
function requireOwnNames(found: readonly SourceExample[]): void {
  const seen = new Map<string, string>();
  for (const { stem, suffix, file } of found.flatMap((example): ImageFile[] => [
    example,
    ...example.others,
  ])) {
    const name = `${stem}_${suffix}`;
    const other = seen.get(name);
    if (other !== undefined)
      throw flError('NF_PREPARE_TWICE', { first: other, second: file }, { place: { file } });
    seen.set(name, file);
  }
}

/** What the derivative says of itself. */
function describedBy(plan: Plan, options: PrepareOptions): CarriedFiles {
  const { target, pipeline } = options;
  const files = plan.tasks.flatMap((task): ImageFile[] => [task, ...task.others]);
  const suffixes = [...new Set(files.map(({ suffix }) => suffix))].sort();
  const table = plan.carried.get('participants.tsv');
  const rows = table === undefined ? 1 : Buffer.from(table).toString('utf8').trimEnd().split('\n').length;
  const link = linkOf(options);
  return derivativeTexts({
    name: basename(resolve(target)),
    link,
    pipeline,
    suffixes,
    isAligned: plan.tasks.some(({ others }) => others.length > 0),
    participants: rows - 1,
  });
}

/** From the derivative to its source. */
function linkOf({ source, target }: PrepareOptions): string {
  return relative(resolve(target), resolve(source)).split(sep).join('/');
}
