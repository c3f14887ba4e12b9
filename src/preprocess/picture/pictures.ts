import { stat } from 'node:fs/promises';
import { f32At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import type { NiftiImage } from '../nifti/read.ts';
import { type ReadAs, readNiftiAs, volumesOf } from '../nifti/series.ts';
import { cutSlabs, headBox, orientHead, takeSlab } from './axial-slices.ts';
import { applyWindow, findWindow } from './intensity.ts';
import { tileSide } from './montage.ts';
import { cachedPictures, type Picture } from './picture-cache.ts';
import { resample } from './resample.ts';

/**
 * `montage`: all slices of a volume side by side in one picture, which the label of the subject then fits; `separate`:
 * every slice is a picture of full size with the label of the subject, though few may show the lesion.
 */
export const VOLUME_LAYOUTS = ['montage', 'separate'] as const;
export type VolumeLayout = (typeof VOLUME_LAYOUTS)[number];

/** What pictures are made of an image. */
export interface PictureOptions extends ReadAs {
  /** Side of the square picture, in pixels. */
  readonly imageSize: number;
  /** Axial slices made of a volume. */
  readonly slices: number;
  /** Whether the slices of a volume share one picture, or have one each. */
  readonly layout: VolumeLayout;
}

/**
 * The pictures of one NIfTI file: turned to RAS, windowed by its own intensities (`findWindow`), cut to the square
 * around the head, resized. Kept in memory until the file changes or the budget is full.
 * @throws NF_DATA_IMAGE_TIME, NF_DATA_IMAGE_VOLUME, NF_DATA_IMAGE_BLANK, NF_PATH_MISSING, NF_NIFTI_*
 */
export async function readPictures(path: string, options: PictureOptions): Promise<readonly Picture[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  const { imageSize, slices, layout, volume, nan } = options;
  const key = [path, found.size, found.mtimeMs, imageSize, slices, layout, volume, nan].join('|');
  return cachedPictures(key, () => makePictures(path, options));
}

async function makePictures(path: string, options: PictureOptions): Promise<Picture[]> {
  return picturesOf(await readNiftiAs(path, options), path, options);
}

/** As `readPictures`, of an image in memory; `path` is named in errors. */
export function picturesOf(
  image: NiftiImage,
  path: string,
  { imageSize, slices, layout }: PictureOptions,
): Picture[] {
  const place = { place: { file: path } };
  if (volumesOf(image) > 1)
    throw flError('NF_DATA_IMAGE_TIME', { path, shape: image.shape.join(' x ') }, place);
  const window = findWindow(image.data);
  if (!window) throw flError('NF_DATA_IMAGE_BLANK', { path }, place);
  const head = orientHead(image, window.threshold);
  const box = headBox(head);
  const slabs = cutSlabs(head, slices);
  const side = layout === 'montage' ? tileSide(imageSize, slabs.length) : imageSize;
  return slabs.map((slab) => {
    const plane = takeSlab(head, slab, (value) => applyWindow(value, window));
    const picture = blackenMargin(resample(plane, box, side), side);
    return toGreys(picture);
  });
}

function toGreys(picture: Float32Array): Picture {
  const greys = new Uint8Array(picture.length);
  for (let at = 0; at < greys.length; at++) greys[at] = Math.round(f32At(picture, at) * 255);
  return greys;
}

/** Where a small image is enlarged, its outermost pixels reach into the margin. */
function blackenMargin(picture: Float32Array, side: number): Float32Array {
  const width = Math.floor((side * HEAD_MARGIN) / (1 + 2 * HEAD_MARGIN));
  const inside = (at: number) => at >= width && at < side - width;
  return picture.map((value, at) => (inside(at % side) && inside(Math.floor(at / side)) ? value : 0));
}
