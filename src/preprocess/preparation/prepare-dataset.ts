import { access } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { flError, toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import { putFile } from '../../runtime/base/files/files.ts';
import { checkPlaces } from '../bids/check-places.ts';
import { findExamples } from '../bids/layout.ts';
import { listSubjects } from '../bids/participants.ts';
import { readInside } from '../bids/read-inside.ts';
import { readSidecar } from '../bids/sidecar.ts';
import { makeWholeFolder } from '../bids/whole-folder.ts';
import { derivativeTexts } from './derivative-texts.ts';
import { type Pipeline, spaceOf } from './pipeline.ts';
import type { ImageTask, PreparedImage } from './prepare-image.ts';
import { readTemplate } from './registration/template-file.ts';
import { type BadVolume, eachVolume, type VolumeWork } from './volume-threads.ts';

export interface PrepareOptions extends VolumeWork {
  readonly source: string;
  /** Folder to make; must not exist. */
  readonly target: string;
  readonly pipeline: Pipeline;
}

export interface PrepareResult {
  readonly path: string;
  readonly images: readonly PreparedImage[];
  readonly bad: readonly BadVolume[];
}

const IMAGE = /^(sub-.+?)(?:_desc-[^_]+)?_([A-Za-z0-9]+)\.nii(?:\.gz)?$/;

/**
 * Prepares every image of a BIDS data set and writes a BIDS derivative. A failure or an abort leaves nothing.
 * @throws NF_PATH_MISSING, NF_PATH_EXISTS, NF_BIDS_PLACES, NF_BIDS_NOT_A_DATASET; NF_PREPARE_NONE where no image is left; what the first
 *   image that cannot be prepared throws; the signal's reason when aborted
 */
export async function prepareDataset(options: PrepareOptions): Promise<PrepareResult> {
  const target = resolve(options.target);
  await checkPlaces({ source: options.source, target, what: 'Folder' });
  await checkTemplates(options.pipeline);
  const sources = await sourcesOf(options);
  return makeWholeFolder(target, options.signal, async (folder) => {
    const tasks = sources.map((source) => ({ ...source, stem: join(folder, source.stem) }));
    const { results: images, bad } = await eachVolume(tasks, options, (thread, task) =>
      thread.run('prepareImage', task),
    );
    if (images.length === 0)
      throw flError('NF_PREPARE_NONE', { path: options.source }, { place: { file: options.source } });
    await writeFrame({ folder, target, tasks }, options);
    return { path: target, images, bad };
  });
}

/** Before any work: every image needs them. @throws as `readTemplate` */
async function checkTemplates({ steps }: Pipeline): Promise<void> {
  for (const step of steps) if (step.step === 'register') await readTemplate(step.template);
}

/** Every image of a data set; results have no folder yet. @throws NF_BIDS_NOT_A_DATASET */
export async function sourcesOf({
  source,
  pipeline,
}: Pick<PrepareOptions, 'source' | 'pipeline'>): Promise<(ImageTask & { readonly subject: string })[]> {
  await access(join(source, 'dataset_description.json')).catch((cause: unknown) => {
    const params = { path: source, missing: 'dataset_description.json' };
    throw flError('NF_BIDS_NOT_A_DATASET', params, { place: { file: source }, cause });
  });
  const tasks: (ImageTask & { readonly subject: string })[] = [];
  for (const subject of await listSubjects(source)) {
    for (const file of await imagesOf(source, subject)) {
      const [, start = '', suffix = ''] = IMAGE.exec(basename(file)) ?? [];
      const below = relative(source, file).split(sep).join('/');
      tasks.push({
        subject,
        file,
        source: below,
        pipeline,
        suffix,
        stem: join(dirname(below), inSpace(start, pipeline)),
      });
    }
  }
  return tasks;
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
async function imagesOf(source: string, subject: string): Promise<string[]> {
  const examples = await findExamples(source, subject).catch((thrown: unknown) => {
    if (toNeuroflareError(thrown).code === 'NF_BIDS_IMAGE_MISSING') return [];
    throw thrown;
  });
  return examples.flat();
}

async function writeFrame(
  { folder, target, tasks }: { folder: string; target: string; tasks: readonly ImageTask[] },
  { source, pipeline }: PrepareOptions,
): Promise<void> {
  const link = relative(target, resolve(source)).split(sep).join('/');
  const suffixes = [...new Set(tasks.map(({ suffix }) => suffix))].sort();
  const table = await textOf(source, 'participants.tsv');
  const participants = table === undefined ? 0 : table.trimEnd().split('\n').length - 1;
  const texts = derivativeTexts({ name: basename(target), link, pipeline, suffixes, participants });
  for (const [name, text] of texts) await putFile(join(folder, name), text);
  if (table !== undefined) await putFile(join(folder, 'participants.tsv'), table);
  await copyColumns(source, folder);
}

/** A text of the source, if it is there. */
async function textOf(source: string, name: string): Promise<string | undefined> {
  const bytes = await readInside(source, join(source, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  return bytes?.toString('utf8');
}

/** What the table means; the validator asks for a `Description` of it in a derivative. */
async function copyColumns(source: string, folder: string): Promise<void> {
  const columns = await readSidecar(source);
  if (columns === undefined) return;
  const described = prettyJson({ Description: 'As in the source', ...columns });
  await putFile(join(folder, 'participants.json'), described);
}
