import { f32At, u32At } from '../../runtime/base/at.ts';
import type { GreyImage } from '../image/grey-image.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import { voxelSize } from '../nifti/affine.ts';
import { reorient, reorientToRas } from '../nifti/orient.ts';
import type { Grid } from '../volume/grid.ts';
import type { Box } from './resample.ts';

/** A volume in RAS order, first axis fastest, with what of it is head. */
export interface Head {
  readonly shape: readonly [number, number, number];
  /** mm, or the unit of the file: only ratios are used. */
  readonly voxel: readonly [number, number, number];
  readonly data: Float32Array;
  /** First and last plane of the head across the first and second axis. */
  readonly outline: readonly [readonly [number, number], readonly [number, number]];
  /** Foreground voxels in each plane across the third axis. */
  readonly counts: Uint32Array;
}

/** A plane belongs to the head where it holds more than this share of what the fullest plane holds. */
const EDGE = 0.02;
/** A slice near the crown or the neck shows little brain; those with less than this share of the fullest are left out. */
const FULL_ENOUGH = 0.5;

/** A volume whose axes run to R, A and S. */
export interface Upright extends Grid {
  readonly data: Float32Array;
}

/** Turns an image to RAS; a single slice, whichever way it was cut, becomes one plane across the third axis. */
export function uprightOf(image: Omit<Upright, 'shape'> & { readonly shape: readonly number[] }): Upright {
  const upright = reorientToRas(image);
  const flat = upright.shape.indexOf(1);
  const ras = flat === 0 || flat === 1 ? reorient(upright, flat === 0 ? 'ASR' : 'RSA') : upright;
  const [x = 1, y = 1, z = 1] = ras.shape;
  return { shape: [x, y, z], data: ras.data, affine: ras.affine };
}

/** What of an upright volume is head: values over the threshold. */
export function findHead({ shape, affine, data }: Upright, threshold: number): Head {
  const head = { shape, voxel: voxelSize(affine), data };
  const [across, along, counts] = countForeground(head, threshold);
  return { ...head, outline: [extent(across, EDGE), extent(along, EDGE)], counts };
}

/** Planes `from` to `to - 1`, seen as one slice. */
export interface Slab {
  readonly from: number;
  readonly to: number;
}

/** The part of the head that is wide enough, cut into at most `wanted` slabs of the same thickness (but for one plane). */
export function cutSlabs(head: Head, wanted: number): Slab[] {
  const [first, last] = extent(head.counts, FULL_ENOUGH);
  const span = last - first + 1;
  const count = Math.min(wanted, span);
  const cut = (index: number) => first + Math.floor((index * span) / count);
  return Array.from({ length: count }, (_, index) => ({ from: cut(index), to: cut(index + 1) }));
}

/**
 * A slab as a picture: anterior on top, the patient's left on the left. Each pixel is the mean over the slab's planes, as a
 * scanner's thick slice is, so that no lesion can lie unseen between two slices. What lies beside the head's outline is 0.
 * @param shade grey of a stored value
 */
export function takeSlab(
  head: Pick<Head, 'shape' | 'data' | 'outline'>,
  { from, to }: Slab,
  shade: (value: number) => number,
): GreyImage<Float32Array> {
  const [width, height] = head.shape;
  const [[left, right], [low, high]] = head.outline;
  const pixels = new Float32Array(width * height);
  for (let z = from; z < to; z++) {
    for (let y = low; y <= high; y++) {
      let source = (z * height + y) * width + left;
      const row = (height - 1 - y) * width;
      for (let at = row + left; at <= row + right; at++, source++) {
        pixels[at] = f32At(pixels, at) + shade(f32At(head.data, source)) / (to - from);
      }
    }
  }
  return { width, height, pixels };
}

/** The square, in mm, around the head's outline over all planes, in pixels of `takeSlab`. */
export function headBox({ shape, voxel, outline }: Head): Box {
  const [[left, right], [low, high]] = outline;
  const [width, height] = [(right - left + 1) * voxel[0], (high - low + 1) * voxel[1]];
  const side = Math.max(width, height) * (1 + 2 * HEAD_MARGIN);
  return {
    left: left - (side - width) / 2 / voxel[0],
    top: shape[1] - 1 - high - (side - height) / 2 / voxel[1],
    width: side / voxel[0],
    height: side / voxel[1],
  };
}

function countForeground(
  head: Pick<Head, 'shape' | 'data'>,
  threshold: number,
): [Uint32Array, Uint32Array, Uint32Array] {
  const [width, height, depth] = head.shape;
  const counts: [Uint32Array, Uint32Array, Uint32Array] = [
    new Uint32Array(width),
    new Uint32Array(height),
    new Uint32Array(depth),
  ];
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let inRow = 0;
      for (let x = 0; x < width; x++, at++) {
        if (f32At(head.data, at) <= threshold) continue;
        inRow++;
        counts[0][x] = u32At(counts[0], x) + 1;
      }
      counts[1][y] = u32At(counts[1], y) + inRow;
      counts[2][z] = u32At(counts[2], z) + inRow;
    }
  }
  return counts;
}

/** First and last plane that holds more than `share` of what the fullest holds. */
function extent(counts: Uint32Array, share: number): [number, number] {
  const least = share * counts.reduce((most, count) => Math.max(most, count), 0);
  const enough = (count: number) => count > least || (count === least && count > 0);
  const first = counts.findIndex(enough);
  return first < 0 ? [0, counts.length - 1] : [first, counts.findLastIndex(enough)];
}
