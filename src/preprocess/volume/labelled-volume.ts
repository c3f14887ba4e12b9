import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { f32At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { MemoryCache } from '../../runtime/base/memory-cache.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { readNifti } from '../nifti/read.ts';
import { type ReadAs, readNiftiAs, volumesOf } from '../nifti/series.ts';
import { type Upright, uprightOf } from '../picture/axial-slices.ts';
import { findWindow } from '../picture/intensity.ts';
import { type Grid, gridDifference } from './grid.ts';

/** The files of one example. */
export interface VolumeFiles {
  /** One a channel, all on one grid. */
  readonly images: readonly string[];
  /** Undefined where there is nothing to label. */
  readonly mask: string | undefined;
}

/** A name for each label, with its values in masks. */
export type LabelValues = readonly { readonly name: string; readonly values: readonly number[] }[];

/**
 * One example as a network for voxels sees it: axes to right, anterior, superior, the first fastest. Each channel has mean 0 and deviation 1
 * over the head (what is brighter than Otsu's threshold), in steps of 1 / `STEPS`.
 */
export interface LabelledVolume extends Grid {
  readonly channels: readonly Int16Array[];
  /** 0 background, else 1 and the place of the label. */
  readonly labels: Uint8Array;
  /** For each label some of its voxels, spread over all of them: at most `MOST_PLACES`. */
  readonly places: readonly Uint32Array[];
}

/** What is known of an example without its voxels. */
export interface VolumeFacts {
  readonly shape: Grid['shape'];
  /** Voxels of each label. */
  readonly voxels: readonly number[];
}

/** Steps of a standard deviation in which channels are kept. */
export const STEPS = 4096;
/** Brighter and darker voxels are held to this many standard deviations. */
const MOST = 7;
const MOST_PLACES = 4096;

/** A head of 240 x 240 x 155 voxels with four channels and its mask takes 80 MB. */
const BUDGET = 512 * 2 ** 20;

const cache = new MemoryCache<LabelledVolume>(BUDGET, ({ channels, labels, places }) =>
  [...channels, labels, ...places].reduce((sum, { byteLength }) => sum + byteLength, 0),
);
const facts = new Map<string, Promise<VolumeFacts>>();

/** Sets how many bytes of volumes this thread keeps; what is over it is read again when needed. */
export function setVolumeBudget(bytes: number): void {
  cache.setBudget(bytes);
}

/**
 * An example with its mask, from memory where it is there.
 * @throws NF_DATA_IMAGE_*, NF_CHANNEL_GRID, NF_MASK_GRID, NF_MASK_LABEL, NF_PATH_MISSING, NF_NIFTI_*
 */
export async function readLabelledVolume(
  files: VolumeFiles,
  labels: LabelValues,
  as: ReadAs = {},
): Promise<LabelledVolume> {
  const key = await keyOf(files, labels, as);
  return cache.get(key, () => makeVolume(files, labels, as));
}

/** As `readLabelledVolume`, what is known of it; read once in this thread, as long as its files stay what they are. */
export async function lookAtVolume(
  files: VolumeFiles,
  labels: LabelValues,
  as: ReadAs = {},
): Promise<VolumeFacts> {
  const key = await keyOf(files, labels, as);
  const known = facts.get(key);
  if (known) return known;
  const found = cache
    .get(key, () => makeVolume(files, labels, as))
    .then((volume) => ({ shape: volume.shape, voxels: countLabels(volume.labels, labels.length) }));
  facts.set(key, found);
  found.catch(() => facts.delete(key));
  return found;
}

async function keyOf(
  { images, mask }: VolumeFiles,
  labels: LabelValues,
  { volume, nan }: ReadAs,
): Promise<string> {
  const files = await Promise.all([...images, ...(mask === undefined ? [] : [mask])].map(stampOf));
  return JSON.stringify([files, labels, volume, nan]);
}

async function stampOf(path: string): Promise<(string | number)[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  return [path, found.size, found.mtimeMs];
}

/** One image at a time is in memory as it was stored. */
async function makeVolume(
  { images, mask }: VolumeFiles,
  labels: LabelValues,
  as: ReadAs,
): Promise<LabelledVolume> {
  const [first = '', ...others] = images;
  const reference = await readUpright(first, as);
  const channels = [standardized(reference, first)];
  for (const path of others) {
    const upright = await readUpright(path, as);
    requireSameGrid(reference, upright, { path, first });
    channels.push(standardized(upright, path));
  }
  const { shape, affine } = reference;
  const values =
    mask === undefined
      ? new Uint8Array(reference.data.length)
      : await readLabels(mask, { grid: { shape, affine }, image: first, labels });
  return { shape, affine, channels, labels: values, places: placesOf(values, labels.length) };
}

async function readUpright(path: string, as: ReadAs): Promise<Upright> {
  const image = await readNiftiAs(path, as);
  if (volumesOf(image) === 1) return uprightOf(image);
  throw flError('NF_DATA_IMAGE_TIME', { path, shape: image.shape.join(' x ') }, { place: { file: path } });
}

function requireSameGrid(one: Grid, other: Grid, { path, first }: { path: string; first: string }): void {
  const difference = gridDifference(one, other);
  if (difference === undefined) return;
  throw flError('NF_CHANNEL_GRID', { path, first: basename(first), difference }, { place: { file: path } });
}

function standardized({ data }: Upright, path: string): Int16Array {
  const window = findWindow(data);
  if (!window) throw flError('NF_DATA_IMAGE_BLANK', { path }, { place: { file: path } });
  let [count, sum, squares] = [0, 0, 0];
  for (let at = 0; at < data.length; at++) {
    const value = f32At(data, at);
    if (value <= window.threshold) continue;
    count++;
    sum += value;
    squares += value * value;
  }
  const mean = sum / count;
  const variance = squares / count - mean * mean;
  // A head of one value would be divided by 0.
  const deviation = Math.sqrt(Math.max(variance, 1e-12 * mean * mean)) || 1;
  const result = new Int16Array(data.length);
  for (let at = 0; at < data.length; at++) {
    const value = (f32At(data, at) - mean) / deviation;
    result[at] = Math.round(STEPS * Math.min(MOST, Math.max(-MOST, value)));
  }
  return result;
}

/** @throws NF_MASK_GRID, NF_MASK_LABEL */
async function readLabels(
  path: string,
  { grid, image, labels }: { grid: Grid; image: string; labels: LabelValues },
): Promise<Uint8Array> {
  const mask = uprightOf(await readNifti(path));
  const difference = gridDifference(grid, mask);
  if (difference !== undefined)
    throw flError('NF_MASK_GRID', { path, image: basename(image), difference }, { place: { file: path } });
  const label = new Map(labels.flatMap(({ values }, at) => values.map((value) => [value, at + 1] as const)));
  label.set(0, 0);
  const unknown = new Map<number, number>();
  const result = new Uint8Array(mask.data.length);
  for (let at = 0; at < result.length; at++) {
    const value = f32At(mask.data, at);
    const known = label.get(value);
    if (known !== undefined) result[at] = known;
    else unknown.set(value, (unknown.get(value) ?? 0) + 1);
  }
  const [first] = unknown;
  if (!first) return result;
  const [value, count] = first;
  const declared = labels.map(({ name, values }) => `${name} ${values.join(', ')}`).join('; ');
  throw flError(
    'NF_MASK_LABEL',
    { path, value, voxels: counted(count, 'voxel'), declared },
    { place: { file: path } },
  );
}

function countLabels(labels: Uint8Array, count: number): number[] {
  const voxels = new Array<number>(count + 1).fill(0);
  for (const label of labels) voxels[label] = (voxels[label] ?? 0) + 1;
  return voxels.slice(1);
}

/** Every voxel of a small label, every k-th of a large one. */
function placesOf(labels: Uint8Array, count: number): Uint32Array[] {
  const voxels = countLabels(labels, count);
  const steps = voxels.map((all) => Math.max(1, Math.ceil(all / MOST_PLACES)));
  const places = voxels.map((all, at) => new Uint32Array(Math.ceil(all / (steps[at] ?? 1))));
  const seen = new Array<number>(count).fill(0);
  for (let voxel = 0; voxel < labels.length; voxel++) {
    const label = (labels[voxel] ?? 0) - 1;
    if (label < 0) continue;
    const nth = seen[label] ?? 0;
    const step = steps[label] ?? 1;
    const own = places[label];
    if (own && nth % step === 0) own[nth / step] = voxel;
    seen[label] = nth + 1;
  }
  return places;
}
