import { numberAt } from '../../base/at.ts';
import { LEAST_PEOPLE } from '../../base/least-people.ts';
import type { MetricValue } from '../../base/logging/metrics.ts';
import { DISTANCE_BINS, DISTANCE_STEP, distanceTo } from '../../run/image-profile.ts';
import { type ImageSet, planesOf } from './image-set.ts';
import type { Dataset } from './open-dataset.ts';
import { FEATURES, pictureFeatures } from './picture-features.ts';

const BATCH_SIZE = 64;
/** Digits of a sum that leave the site. */
const DIGITS = 8;

/**
 * What a site's training pictures look like, for `predict` to say when an image is unlike them: sums of few coarse numbers over all of them,
 * and how many held-out pictures lie how far from them. Give it as the figure `image_profile` of the last evaluation.
 * @returns null where the training part is of fewer than 10 groups (patients); the held-out pictures are left out where they are of fewer than 10
 */
export async function describeImages({
  train,
  validation,
}: Pick<Dataset, 'train' | 'validation'>): Promise<MetricValue> {
  const groups = peopleIn(train);
  if (groups < LEAST_PEOPLE || train.size < LEAST_PEOPLE) return null;
  const sums = new Array<number>(FEATURES).fill(0);
  const products = new Array<number>((FEATURES * (FEATURES + 1)) / 2).fill(0);
  for await (const features of featuresOf(train)) {
    for (let row = 0, at = 0; row < FEATURES; row++) {
      sums[row] = numberAt(sums, row) + (features[row] ?? 0);
      for (let column = 0; column <= row; column++, at++)
        products[at] = numberAt(products, at) + (features[row] ?? 0) * (features[column] ?? 0);
    }
  }
  const told = { pictures: train.size, sums: sums.map(rounded), products: products.map(rounded) };
  const distance = distanceTo(told);
  const bins = new Array<number>(DISTANCE_BINS).fill(0);
  if (peopleIn(validation) >= LEAST_PEOPLE)
    for await (const features of featuresOf(validation)) {
      const bin = Math.min(DISTANCE_BINS - 1, Math.floor(distance(features) / DISTANCE_STEP));
      bins[bin] = numberAt(bins, bin) + 1;
    }
  const { imageSize, layout } = train.options;
  return {
    version: 1,
    image_size: imageSize,
    separate: layout === 'separate',
    groups,
    ...told,
    held_out: bins,
  };
}

function peopleIn({ subjects }: ImageSet): number {
  return new Set(subjects.map(({ person }) => person)).size;
}

/** Of every picture, as the network is given it; of a cube its middle plane stands for all. */
export async function* featuresOf(images: ImageSet): AsyncGenerator<Float64Array> {
  const { imageSize } = images.options;
  for await (const { x, size } of images.batches({ batchSize: BATCH_SIZE })) {
    const planes = planesOf(images.options);
    const area = x.length / size / planes;
    for (let row = 0; row < size; row++) {
      const plane = row * planes + Math.floor(planes / 2);
      yield pictureFeatures(x.subarray(plane * area, (plane + 1) * area), imageSize);
    }
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
