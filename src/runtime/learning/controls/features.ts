import { closeMask, fillHoles, type Mask } from '../../../preprocess/image/morphology.ts';
import { resample } from '../../../preprocess/picture/resample.ts';
import { numberAt, u8At } from '../../base/at.ts';
import { CONTROL_SIDE, type ControlImage } from './images.ts';

/** Features of all images, one byte each, by column: feature f of image r is at f * images + r. */
export type FeatureColumns = Uint8Array;

/** Side of the pictures that pixels and silhouettes are taken from. */
const PIXEL_SIDE = 64;
const FRAME = 4;
const HISTOGRAM_BINS = 32;
/** Grey over this is head, in a picture whose window has black among the air. */
const TISSUE = 13;
const GAP_RADIUS = 2;

/** Width, height and depth of the stored images. */
export function sizeFeatures(images: readonly ControlImage[]): FeatureColumns {
  return rankedColumns([0, 1, 2].map((axis) => images.map(({ size }) => size[axis] ?? 1)));
}

/** The outer 4 of 96 pixels: of the stored image where it is given, else of the picture of each channel. */
export function frameFeatures(images: readonly ControlImage[]): FeatureColumns {
  const inside = (at: number) => at >= FRAME && at < CONTROL_SIDE - FRAME;
  const ring = Array.from({ length: CONTROL_SIDE ** 2 }, (_, at) => at).filter(
    (at) => !inside(at % CONTROL_SIDE) || !inside(Math.floor(at / CONTROL_SIDE)),
  );
  const shown = images.map((image) => (image.stored ? [image.stored] : picturesOf(image)));
  const channels = shown[0]?.length ?? 0;
  return columns(images.length, channels * ring.length, (row, feature) => {
    const picture = shown[row]?.[Math.floor(feature / ring.length)];
    return picture ? u8At(picture, numberAt(ring, feature % ring.length)) : 0;
  });
}

/** Of all channels. */
function picturesOf({ grey, others = [] }: ControlImage): readonly Uint8Array[] {
  return [grey, ...others];
}

/** Shares of 32 ranges of grey, of each channel. */
export function histogramFeatures(images: readonly ControlImage[]): FeatureColumns {
  const counts = images.map((image) => picturesOf(image).flatMap(countGreys));
  return rankedColumns((counts[0] ?? []).map((_, bin) => counts.map((bins) => numberAt(bins, bin))));
}

function countGreys(picture: Uint8Array): number[] {
  const bins = new Array<number>(HISTOGRAM_BINS).fill(0);
  for (const value of picture) {
    const bin = Math.floor((value * HISTOGRAM_BINS) / 256);
    bins[bin] = numberAt(bins, bin) + 1;
  }
  return bins;
}

/** 64 x 64 grey values of each image, of each of its channels, one image after the other. */
export function pixelRows(images: readonly ControlImage[]): Uint8Array {
  const pictures = images.flatMap(picturesOf);
  const rows = new Uint8Array(pictures.length * PIXEL_SIDE ** 2);
  const box = { left: 0, top: 0, width: CONTROL_SIDE, height: CONTROL_SIDE };
  for (const [row, picture] of pictures.entries()) {
    const plane = { width: CONTROL_SIDE, height: CONTROL_SIDE, pixels: Float32Array.from(picture) };
    rows.set(
      resample(plane, box, PIXEL_SIDE).map((value) => Math.round(value)),
      row * PIXEL_SIDE ** 2,
    );
  }
  return rows;
}

/** The outline alone: 1 in the head, 0 around it, at 64 x 64. */
export function silhouetteRows(pixels: Uint8Array): Uint8Array {
  const area = PIXEL_SIDE ** 2;
  const rows = new Uint8Array(pixels.length);
  for (let start = 0; start < pixels.length; start += area) {
    rows.set(silhouette(pixels.subarray(start, start + area), PIXEL_SIDE).cells, start);
  }
  return rows;
}

/** What of a picture is head: tissue, small gaps closed, holes filled. */
export function silhouette(grey: Uint8Array, side: number): Mask {
  const cells = grey.map((value) => (value > TISSUE ? 1 : 0));
  return fillHoles(closeMask({ width: side, height: side, cells }, GAP_RADIUS));
}

/** Rows to columns. */
export function transpose(rows: Uint8Array, images: number): FeatureColumns {
  const features = rows.length / images;
  const columnar = new Uint8Array(rows.length);
  for (let row = 0; row < images; row++) {
    for (let feature = 0; feature < features; feature++) {
      columnar[feature * images + row] = u8At(rows, row * features + feature);
    }
  }
  return columnar;
}

function columns(
  images: number,
  features: number,
  value: (row: number, feature: number) => number,
): FeatureColumns {
  const all = new Uint8Array(features * images);
  for (let feature = 0; feature < features; feature++) {
    for (let row = 0; row < images; row++) all[feature * images + row] = value(row, feature);
  }
  return all;
}

/** Trees ask for an order alone, so a column's distinct values become ranks; over 256 of them share bytes evenly. */
function rankedColumns(values: readonly (readonly number[])[]): FeatureColumns {
  const images = values[0]?.length ?? 0;
  const all = new Uint8Array(values.length * images);
  for (const [feature, column] of values.entries()) {
    const distinct = [...new Set(column)].sort((a, b) => a - b);
    const step = Math.max(1, (distinct.length - 1) / 255);
    const rank = new Map(distinct.map((value, at) => [value, Math.round(at / step)]));
    all.set(
      column.map((value) => rank.get(value) ?? 0),
      feature * images,
    );
  }
  return all;
}
