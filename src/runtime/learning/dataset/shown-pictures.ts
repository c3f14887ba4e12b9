import type { PictureOptions } from '../../../preprocess/picture/pictures.ts';
import { type ClassifierSpec, dimensionsOf } from '../models/spec.ts';
import type { ImageSetOptions } from './image-set.ts';

/** What of the way pictures are shown is for who asks to say. */
export type HowShown = Pick<ImageSetOptions, 'slices' | 'mirror'>;

const BATCH_SIZE = 32;

/** How a classifier sees a volume. */
export function pictureForm(
  spec: ClassifierSpec,
  slices: number,
): Pick<PictureOptions, 'imageSize' | 'slices' | 'layout'> {
  return {
    imageSize: spec.image_size,
    slices,
    layout: dimensionsOf(spec) === 3 ? 'volume' : 'montage',
  };
}

/** Pictures of people as a network of classes is asked about them: as in training, and unchanged. */
export function shownPictures(
  spec: ClassifierSpec,
  { classes, channels, slices, mirror }: HowShown & Pick<ImageSetOptions, 'classes' | 'channels'>,
): ImageSetOptions {
  const form = pictureForm(spec, slices);
  return { ...form, classes, channels, batchSize: BATCH_SIZE, augment: undefined, mirror };
}
