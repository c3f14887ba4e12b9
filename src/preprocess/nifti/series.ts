import { f32At, f64At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { type NiftiImage, readNifti } from './read.ts';

/** What is made of an image while it is read, as `volume` and `nan` of a selection say. */
export interface ReadAs {
  /** Of a series: its mean over time, or one volume, counted from 0. */
  readonly volume?: 'mean' | number | undefined;
  /** NaN becomes 0. */
  readonly nan?: 'zero' | undefined;
}

/**
 * As `readNifti`, with one volume taken of a series. An image of three dimensions is a series of one.
 * @throws NF_DATA_IMAGE_VOLUME for a number that the series does not reach, NF_NIFTI_*
 */
export async function readNiftiAs(path: string, { volume, nan }: ReadAs): Promise<NiftiImage> {
  const image = await readNifti(path, { nanToZero: nan === 'zero' });
  const [times = 1, ...others] = image.shape.slice(3);
  // A fifth axis is no time: vectors, colours.
  if (volume === undefined || others.some((size) => size > 1)) return image;
  if (volume !== 'mean' && volume >= times) {
    throw flError('NF_DATA_IMAGE_VOLUME', { path, volume, count: times }, { place: { file: path } });
  }
  const { data } = image;
  const size = data.length / times;
  // A copy: the series need not stay in memory.
  const taken = volume === 'mean' ? meanOf(data, times) : data.slice(volume * size, (volume + 1) * size);
  return { ...image, shape: image.shape.slice(0, 3), data: taken };
}

/** Over the last axis, added in float64. */
export function meanOf(data: Float32Array, times: number): Float32Array {
  const size = data.length / times;
  const sum = new Float64Array(size);
  for (let time = 0, at = 0; time < times; time++) {
    for (let voxel = 0; voxel < size; voxel++, at++) sum[voxel] = f64At(sum, voxel) + f32At(data, at);
  }
  return Float32Array.from(sum, (value) => value / times);
}

/** Of an image as it is read. */
export function volumesOf({ shape }: Pick<NiftiImage, 'shape'>): number {
  return shape.slice(3).reduce((product, size) => product * size, 1);
}
