import { existsSync } from 'node:fs';
import { channelCount } from '../base/selection/selection.ts';
import { keepFeaturesIn } from '../learning/backbone/feature-store.ts';
import type { ImageSetOptions } from '../learning/dataset/image-set.ts';
import { layoutOf } from '../learning/models/spec.ts';
import { keptFeaturesPath } from '../run/kept-features.ts';
import type { ClassTarget } from './open-target.ts';
import type { EvaluationData } from './site-data.ts';

/** How pictures are shown, as in training. */
export type HowShown = Pick<ImageSetOptions, 'slices' | 'mirror'>;

const BATCH_SIZE = 32;

/** The pictures of people as a network of classes is asked about them: as in training, and unchanged. */
export function shownPictures(
  { spec, classes }: ClassTarget,
  { selection }: Pick<EvaluationData, 'selection'>,
  { slices, mirror }: HowShown,
): ImageSetOptions {
  return {
    imageSize: spec.image_size,
    slices,
    layout: layoutOf(spec),
    classes,
    channels: channelCount(selection),
    batchSize: BATCH_SIZE,
    augment: undefined,
    mirror,
  };
}

/** Does something with the features that the simulation of a run has kept; a run from elsewhere has none beside it. */
export async function withKeptFeatures<Result>(
  { run }: Pick<ClassTarget, 'run'>,
  work: () => Promise<Result>,
): Promise<Result> {
  const path = run && keptFeaturesPath(run.folder.root);
  keepFeaturesIn(path && existsSync(path) ? path : undefined);
  try {
    return await work();
  } finally {
    keepFeaturesIn(undefined);
  }
}
