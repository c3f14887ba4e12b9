import { stat } from 'node:fs/promises';
import { readNifti } from '../../../preprocess/nifti/read.ts';
import { flError } from '../../kernel/errors.ts';
import { choosePlanes, headBox, orientHead, takePlane } from './axial-slices.ts';
import { applyWindow, findWindow } from './intensity.ts';
import { cachedPictures, type Picture } from './picture-cache.ts';
import { resample } from './resample.ts';

/** What pictures are made of an image. */
export interface PictureOptions {
  /** Side of the square picture, in pixels. */
  readonly imageSize: number;
  /** Axial slices taken of a volume; a slice gives one picture. */
  readonly slices: number;
}

/**
 * The pictures of one NIfTI file: turned to RAS, windowed by its own intensities (`findWindow`), cut to the square
 * around the head, resized. Kept in memory until the file changes or the budget is full.
 * @throws NF_DATA_IMAGE_TIME, NF_DATA_IMAGE_BLANK, NF_PATH_MISSING, NF_NIFTI_*
 */
export async function readPictures(path: string, options: PictureOptions): Promise<readonly Picture[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  const key = [path, found.size, found.mtimeMs, options.imageSize, options.slices].join('|');
  return cachedPictures(key, () => makePictures(path, options));
}

async function makePictures(path: string, { imageSize, slices }: PictureOptions): Promise<Picture[]> {
  const image = await readNifti(path);
  const place = { place: { file: path } };
  const times = image.shape.slice(3).reduce((product, size) => product * size, 1);
  if (times > 1) throw flError('NF_DATA_IMAGE_TIME', { path, shape: image.shape.join(' x ') }, place);
  const window = findWindow(image.data);
  if (!window) throw flError('NF_DATA_IMAGE_BLANK', { path }, place);
  const head = orientHead(image, window.threshold);
  const box = headBox(head);
  return choosePlanes(head, slices).map((z) => {
    const plane = takePlane(head, z);
    for (let at = 0; at < plane.data.length; at++) plane.data[at] = applyWindow(plane.data[at] ?? 0, window);
    return Uint8Array.from(resample(plane, box, imageSize), (value) => Math.round(value * 255));
  });
}
