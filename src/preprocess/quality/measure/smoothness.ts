import { f32At, u8At } from '../../../runtime/base/at.ts';
import { AXES, type Vector } from '../../nifti/affine.ts';
import { valuesIn } from '../../preparation/crop.ts';
import { because, type Outcome } from '../outcome.ts';

const LEAST_PAIRS = 100;

/**
 * Full width at half maximum, in voxels, of the Gaussian that white noise would have been smoothed by to have the same differences between
 * neighbours, inside the mask (Forman et al. 1995, as AFNI's 3dFWHMx without detrending): mean over the axes that have neighbours.
 */
export function smoothness(data: Float32Array, mask: Uint8Array, shape: Vector): Outcome {
  const variance = varianceIn(data, mask);
  if (!(variance > 0)) return because('the head has one value');
  const strides = [1, shape[0], shape[0] * shape[1]];
  const widths = AXES.flatMap((axis) => {
    const { count, squares } = differences({ data, mask, shape }, axis, strides[axis] ?? 1);
    if (count < LEAST_PAIRS) return [];
    const alike = 1 - squares / count / (2 * variance);
    return alike > 0
      ? [alike < 1 ? Math.sqrt((-2 * Math.LN2) / Math.log(alike)) : Number.POSITIVE_INFINITY]
      : [0];
  });
  if (widths.length === 0) return because('the head has too few voxels');
  return widths.reduce((sum, width) => sum + width, 0) / widths.length;
}

function varianceIn(data: Float32Array, mask: Uint8Array): number {
  const inside = valuesIn(data, mask);
  const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
  return inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length;
}

/** Of pairs of neighbours that both lie in the mask. */
function differences(
  { data, mask, shape }: { data: Float32Array; mask: Uint8Array; shape: Vector },
  axis: 0 | 1 | 2,
  stride: number,
): { count: number; squares: number } {
  let [count, squares] = [0, 0];
  const size = shape[axis];
  for (let at = 0; at + stride < data.length; at++) {
    if (Math.floor(at / stride) % size === size - 1) continue;
    if (u8At(mask, at) === 0 || u8At(mask, at + stride) === 0) continue;
    count++;
    squares += (f32At(data, at + stride) - f32At(data, at)) ** 2;
  }
  return { count, squares };
}

/** Variance of the Laplacian of four neighbours over the variance of the pixels, where the pixel and its neighbours lie in the mask. */
export function laplacian(
  data: Float32Array,
  mask: Uint8Array,
  [width, height]: readonly [number, number],
): Outcome {
  let [count, sum, squares] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const around = [at - 1, at + 1, at - width, at + width];
      if (u8At(mask, at) === 0 || around.some((other) => u8At(mask, other) === 0)) continue;
      const bend = around.reduce((total, other) => total + f32At(data, other), 0) - 4 * f32At(data, at);
      count++;
      sum += bend;
      squares += bend * bend;
    }
  }
  const variance = varianceIn(data, mask);
  if (count < LEAST_PAIRS) return because('the head has too few pixels');
  return variance > 0 ? (squares / count - (sum / count) ** 2) / variance : because('the head has one value');
}
