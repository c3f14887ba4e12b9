import { resolve } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import { requireAbsent } from '../bids/check-places.ts';
import { COLUMN, listParticipants } from '../bids/participants.ts';
import { readSubjects } from '../select/read-subjects.ts';
import { checkSplit } from '../split/check.ts';
import { readSplit } from '../split/manifest.ts';
import type { ImageLandmarks } from './image-landmarks.ts';
import { scaleText } from './intensity-scale.ts';
import { addSums, sumsOf } from './landmarks.ts';
import { type Pipeline, valueSteps } from './pipeline.ts';
import { sourcesOf } from './prepare-dataset.ts';
import { type BadVolume, eachVolume, type VolumeWork } from './volume-threads.ts';

export interface FitOptions extends VolumeWork {
  readonly source: string;
  /** File to write; must not exist. */
  readonly target: string;
  /** Steps before the landmarks are taken. */
  readonly pipeline: Pipeline;
  /** Manifest whose training parts are looked at; else those that a `partition` column names, else all. */
  readonly split: string | undefined;
}

export interface FitResult {
  readonly path: string;
  readonly part: 'train' | 'all';
  readonly images: readonly ImageLandmarks[];
  readonly bad: readonly BadVolume[];
}

/**
 * Fits the standard scale of Nyul and Udupa to the training images of a data set. Nothing is written where an image cannot be used.
 * @throws NF_PATH_EXISTS, NF_BIDS_NOT_A_DATASET, NF_PREPARE_NONE; as `readSplit` and `checkSplit`; what the first image that cannot be used
 *   throws; the signal's reason when aborted
 */
export async function fitScale(options: FitOptions): Promise<FitResult> {
  const { source, pipeline } = options;
  const target = resolve(options.target);
  await requireAbsent('File', target);
  const training = await trainingSubjects(options);
  const all = await sourcesOf({ source, pipeline });
  const tasks = training ? all.filter(({ subject }) => training.has(subject)) : all;
  const { results, bad } = await eachVolume(tasks, options, (thread, task) =>
    thread.run('landmarksOfImage', task),
  );
  const [first, ...others] = results.map(({ landmarks }) => sumsOf(landmarks));
  if (!first) throw flError('NF_PREPARE_NONE', { path: source }, { place: { file: source } });
  await writeFileAtomic(target, scaleText(others.reduce(addSums, first), valueSteps(pipeline.steps)));
  return { path: target, part: training ? 'train' : 'all', images: results, bad };
}

/** Undefined: all are. */
async function trainingSubjects({ source, split }: FitOptions): Promise<ReadonlySet<string> | undefined> {
  if (split !== undefined) {
    const manifest = await readSplit(split);
    checkSplit(manifest, await readSubjects(source, manifest.selection));
    return new Set(manifest.sites.flatMap(({ train }) => train));
  }
  const { columns, rows } = await listParticipants(source);
  if (!columns.includes(COLUMN.partition)) return undefined;
  return new Set(rows.filter(({ values }) => values.get(COLUMN.partition) === 'train').map(({ id }) => id));
}
