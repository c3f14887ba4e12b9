import { closeMask, fillHoles } from '../../../preprocess/image/morphology.ts';
import type { Batch } from '../../learning/dataset/image-set.ts';

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

/** A copy of the batch with each picture masked. */
export function maskBatch(batch: Batch, test: MaskedTest): Batch {
  const side = Math.sqrt(batch.x.length / batch.size);
  const x = batch.x.slice();
  for (let start = 0; start < x.length; start += side * side) {
    maskPicture(x.subarray(start, start + side * side), side, test);
  }
  return { ...batch, x };
}

function maskPicture(picture: Float32Array, side: number, test: MaskedTest): void {
  const black = picture.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const covered = test === 'frame_masked' ? frameOf(side) : headOf(picture, side, black);
  const value = test === 'silhouette_only' ? MEAN_TISSUE : black;
  for (let at = 0; at < picture.length; at++) if (covered[at] === 1) picture[at] = value;
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
