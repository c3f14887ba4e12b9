import { f32At, u32At } from '../../runtime/base/at.ts';
import { type GreyImage, histogram } from '../image/grey-image.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import { otsuOfCounts } from '../image/otsu.ts';
import { resample } from '../picture/resample.ts';
import { THUMBNAIL_SIDE } from './thumbnail.ts';

/** A row or column belongs to the head where it holds more than this share of what the fullest holds, as in the pictures that a network sees. */
const EDGE = 0.02;

/**
 * 64 x 64 grey bytes of the square around the head, black beside it: what a network is given of a slice, so that the same picture with another
 * border, or cut otherwise, is the same thumbnail.
 */
export function makeHeadThumbnail(image: GreyImage): Uint8Array {
  const { width, height, pixels } = image;
  const threshold = otsuOfCounts(histogram(pixels));
  const [across, along] = [new Uint32Array(width), new Uint32Array(height)];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if ((pixels[at] as number) <= threshold) continue;
      across[x] = u32At(across, x) + 1;
      along[y] = u32At(along, y) + 1;
    }
  }
  const [[left, right], [top, bottom]] = [extent(across), extent(along)];
  const [inner, outer] = [right - left + 1, bottom - top + 1];
  const head = new Float32Array(inner * outer);
  for (let y = 0; y < outer; y++) {
    const from = (top + y) * width + left;
    head.set(pixels.subarray(from, from + inner), y * inner);
  }
  const side = Math.max(inner, outer) * (1 + 2 * HEAD_MARGIN);
  const box = { left: (inner - side) / 2, top: (outer - side) / 2, width: side, height: side };
  return toBytes(resample({ width: inner, height: outer, pixels: head }, box, THUMBNAIL_SIDE));
}

/** The same thumbnail with left and right exchanged. */
export function mirrorThumbnail(thumbnail: Uint8Array): Uint8Array {
  // A Buffer's slice would be the same memory.
  const mirrored = new Uint8Array(thumbnail);
  for (let row = 0; row < mirrored.length; row += THUMBNAIL_SIDE)
    mirrored.subarray(row, row + THUMBNAIL_SIDE).reverse();
  return mirrored;
}

function extent(counts: Uint32Array): [number, number] {
  const least = EDGE * counts.reduce((most, count) => Math.max(most, count), 0);
  const first = counts.findIndex((count) => count > least);
  return first < 0 ? [0, counts.length - 1] : [first, counts.findLastIndex((count) => count > least)];
}

function toBytes(values: Float32Array): Uint8Array {
  const most = values.reduce((top, value) => Math.max(top, value), 1);
  const scale = most > 255 ? 255 / most : 1;
  return Uint8Array.from({ length: values.length }, (_, at) => Math.round(f32At(values, at) * scale));
}
