import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { f32At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import type { NiftiImage } from '../nifti/read.ts';
import { type ReadAs, readNiftiAs, volumesOf } from '../nifti/series.ts';
import { type Grid, gridDifference } from '../volume/grid.ts';
import {
  cutSlabs,
  findHead,
  type Head,
  headBox,
  type Slab,
  takeSlab,
  type Upright,
  uprightOf,
} from './axial-slices.ts';
import { harmonise, type PictureHarmony } from './harmonise.ts';
import { applyWindow, findWindow, type Window } from './intensity.ts';
import { tileSide } from './montage.ts';
import { cachedPictures, type Picture } from './picture-cache.ts';
import { type Box, resample } from './resample.ts';

/**
 * `montage`: all slices of a volume side by side in one picture, which the label of the subject then fits; `separate`:
 * every slice is a picture of full size with the label of the subject, though few may show the lesion.
 */
export const VOLUME_LAYOUTS = ['montage', 'separate'] as const;
/** `volume`: as many axial planes as a picture has pixels along a side, which make a cube. */
export type VolumeLayout = (typeof VOLUME_LAYOUTS)[number] | 'volume';

/** What pictures are made of an image. */
export interface PictureOptions extends ReadAs {
  /** Side of the square picture, in pixels. */
  readonly imageSize: number;
  /** Axial slices made of a volume, unless it is shown as a whole. */
  readonly slices: number;
  /** Whether the slices of a volume share one picture, or have one each. */
  readonly layout: VolumeLayout;
  /** What takes the scanner out of them. */
  readonly harmony?: PictureHarmony | undefined;
}

/**
 * The pictures of one NIfTI file: turned to RAS, windowed by its own intensities (`findWindow`), cut to the square
 * around the head, resized. Kept in memory until the file changes or the budget is full.
 * @throws NF_DATA_IMAGE_TIME, NF_DATA_IMAGE_VOLUME, NF_DATA_IMAGE_FLAT, NF_DATA_IMAGE_BLANK, NF_PATH_MISSING, NF_NIFTI_*
 */
export async function readPictures(path: string, options: PictureOptions): Promise<readonly Picture[]> {
  return cachedPictures(await keyOf([path], options), () => makePictures([path], options));
}

/**
 * The pictures of the images that make one example, channel by channel: the same slices and the same square, as they are in the first of them,
 * each channel windowed by its own intensities.
 * @throws as `readPictures`; NF_CHANNEL_GRID for an image whose voxels are not those of the first
 */
export async function readChannels(
  paths: readonly string[],
  options: PictureOptions,
): Promise<readonly (readonly Picture[])[]> {
  const pictures = await cachedPictures(await keyOf(paths, options), () => makePictures(paths, options));
  const each = pictures.length / paths.length;
  return paths.map((_, channel) => pictures.slice(channel * each, (channel + 1) * each));
}

async function keyOf(paths: readonly string[], options: PictureOptions): Promise<string> {
  const { imageSize, slices, layout, volume, nan, harmony } = options;
  const files = await Promise.all(paths.map(stampOf));
  return [...files.flat(), imageSize, slices, layout, volume, nan, harmony?.id].join('|');
}

async function stampOf(path: string): Promise<(string | number)[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  return [path, found.size, found.mtimeMs];
}

/** Of all channels one after the other; one image at a time is in memory. */
async function makePictures(paths: readonly string[], options: PictureOptions): Promise<Picture[]> {
  const pictures: Picture[] = [];
  let cut: Cut | undefined;
  for (const path of paths) {
    const shown = look(await readNiftiAs(path, options), path);
    if (cut) requireSameGrid(cut, shown);
    else cut = cutOf(shown, options);
    const drawn = draw(shown, cut);
    pictures.push(...(options.harmony ? harmonise(drawn, options.harmony) : drawn));
  }
  return pictures;
}

/** As `readPictures`, of an image in memory; `path` is named in errors. */
export function picturesOf(image: NiftiImage, path: string, options: PictureOptions): Picture[] {
  const shown = look(image, path);
  return draw(shown, cutOf(shown, options));
}

/** An upright image and the greys of its values. */
interface Shown {
  readonly path: string;
  readonly upright: Upright;
  readonly window: Window;
}

/** What is shown of an image, and of others on its grid. */
interface Cut {
  readonly path: string;
  readonly grid: Grid;
  readonly outline: Head['outline'];
  readonly box: Box;
  readonly slabs: readonly Slab[];
  /** Of each picture, in pixels. */
  readonly side: number;
  /** Planes of a cube, between which those of a thinner head are filled in; undefined for slices. */
  readonly planes: number | undefined;
}

function look(image: NiftiImage, path: string): Shown {
  const place = { place: { file: path } };
  if (volumesOf(image) > 1)
    throw flError('NF_DATA_IMAGE_TIME', { path, shape: image.shape.join(' x ') }, place);
  const window = findWindow(image.data);
  if (!window) throw flError('NF_DATA_IMAGE_BLANK', { path }, place);
  return { path, window, upright: uprightOf(image) };
}

function cutOf({ path, upright, window }: Shown, { imageSize, slices, layout }: PictureOptions): Cut {
  const head = findHead(upright, window.threshold);
  const planes = layout === 'volume' ? imageSize : undefined;
  const slabs = cutSlabs(head, planes ?? slices);
  const { shape, affine } = upright;
  if (planes !== undefined && slabs.length < 2)
    throw flError('NF_DATA_IMAGE_FLAT', { path, shape: shape.join(' x ') }, { place: { file: path } });
  return {
    path,
    grid: { shape, affine },
    outline: head.outline,
    box: headBox(head),
    slabs,
    side: layout === 'montage' ? tileSide(imageSize, slabs.length) : imageSize,
    planes,
  };
}

/** @throws NF_CHANNEL_GRID */
function requireSameGrid({ path: first, grid }: Cut, { path, upright }: Shown): void {
  const difference = gridDifference(grid, upright);
  if (difference === undefined) return;
  throw flError('NF_CHANNEL_GRID', { path, first: basename(first), difference }, { place: { file: path } });
}

function draw({ upright, window }: Shown, { outline, box, slabs, side, planes }: Cut): Picture[] {
  const drawn = slabs.map((slab) => {
    const plane = takeSlab({ ...upright, outline }, slab, (value) => applyWindow(value, window));
    return blackenMargin(resample(plane, box, side), side);
  });
  return (planes === undefined ? drawn : stretch(drawn, planes)).map(toGreys);
}

/** As many planes as are wanted, each between the two whose middles are nearest; those at the ends stay as they are. */
function stretch(drawn: readonly Float32Array[], wanted: number): readonly Float32Array[] {
  if (drawn.length === wanted) return drawn;
  return Array.from({ length: wanted }, (_, index) => {
    const at = Math.min(Math.max(((index + 0.5) * drawn.length) / wanted - 0.5, 0), drawn.length - 1);
    const [below, share] = [Math.floor(at), at % 1];
    const [one, next] = [drawn[below], drawn[below + 1] ?? drawn[below]];
    if (!one || !next) throw new RangeError(`no plane ${below} of ${drawn.length}`);
    return one.map((value, pixel) => value + share * (f32At(next, pixel) - value));
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
