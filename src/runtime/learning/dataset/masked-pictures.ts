import { closeMask, fillHoles } from '../../../preprocess/image/morphology.ts';
import { numberAt } from '../../base/at.ts';
import type { Batch } from './example-set.ts';
import { type ImageSetOptions, planeOf, planesOf } from './image-set.ts';

/**
 * Pictures with a part taken away, to see what a model goes by: `frame_masked` blackens the outer 4 of 96 pixels, which should cost
 * nothing; `head_masked` blackens the head, which should leave chance; `silhouette_only` makes the head one grey, which leaves its outline.
 */
export const MASKED_TESTS = ['frame_masked', 'head_masked', 'silhouette_only'] as const;
export type MaskedTest = (typeof MASKED_TESTS)[number];

const FRAME_SHARE = 4 / 96;
/** Of the range from black to the brightest pixel; over it is head. */
const TISSUE = 0.05;
const GAP_RADIUS = 2;
/** Standardised pictures have their tissue's mean here. */
const MEAN_TISSUE = 0;

/** A copy of the batch with each picture masked, of cubes each plane; what is head in any of its channels is head in all. */
export function maskBatch(
  batch: Batch,
  test: MaskedTest,
  options: Pick<ImageSetOptions, 'layout' | 'imageSize' | 'channels'>,
): Batch {
  const { channels } = options;
  const area = batch.x.length / batch.size / planesOf(options);
  const x = batch.x.slice();
  for (let start = 0; start < x.length; start += area)
    maskPicture(x.subarray(start, start + area), test, channels);
  return { ...batch, x };
}

function maskPicture(example: Float32Array, test: MaskedTest, channels: number): void {
  const side = Math.sqrt(example.length / channels);
  const planes = Array.from({ length: channels }, (_, channel) => planeOf(example, { channel, channels }));
  const blacks = planes.map((plane) =>
    plane.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  );
  const covers =
    test === 'frame_masked'
      ? [frameOf(side)]
      : planes.map((plane, channel) => headOf(plane, side, numberAt(blacks, channel)));
  for (let at = 0; at < side * side; at++) {
    if (covers.every((cover) => cover[at] !== 1)) continue;
    for (let channel = 0; channel < channels; channel++)
      example[at * channels + channel] = test === 'silhouette_only' ? MEAN_TISSUE : numberAt(blacks, channel);
  }
}

function frameOf(side: number): Uint8Array {
  const width = Math.round(FRAME_SHARE * side);
  const inside = (at: number) => at >= width && at < side - width;
  return Uint8Array.from({ length: side * side }, (_, at) =>
    inside(at % side) && inside(Math.floor(at / side)) ? 0 : 1,
  );
}

function headOf(picture: Float32Array, side: number, black: number): Uint8Array {
  const white = picture.reduce((most, value) => Math.max(most, value), black);
  const lowest = black + TISSUE * (white - black);
  const cells = Uint8Array.from(picture, (value) => (value > lowest ? 1 : 0));
  return fillHoles(closeMask({ width: side, height: side, cells }, GAP_RADIUS)).cells;
}
