import { f32At, u8At } from '../../../runtime/base/at.ts';
import type { Vector } from '../../nifti/affine.ts';
import { valuesIn } from '../../preparation/crop.ts';
import { because, type Outcome } from '../outcome.ts';
import { medianOf } from './spread.ts';

const LEAST_VOXELS = 100;

/**
 * Ghost to signal ratio of an echo-planar image (Giannelli et al. 2010), as MRIQC's `gsr`: the head half the field of view further along an
 * axis is where its ghost lies. Mean there, less mean of the rest of the air, over the median of the head.
 * @param head not 0 inside
 */
export function ghostToSignal(
  { data, head, shape }: { data: Float32Array; head: Uint8Array; shape: Vector },
  axis: 0 | 1,
): Outcome {
  const [nx, ny] = shape;
  const half = shape[axis] >> 1;
  const sums = { ghost: 0, ghosts: 0, air: 0, airs: 0 };
  for (let at = 0; at < data.length; at++) {
    if (u8At(head, at) !== 0) continue;
    const value = f32At(data, at);
    const place = axis === 0 ? at % nx : Math.floor(at / nx) % ny;
    const stride = axis === 0 ? 1 : nx;
    const from = (place - half + shape[axis]) % shape[axis];
    if (u8At(head, at + (from - place) * stride) !== 0) {
      sums.ghost += value;
      sums.ghosts++;
    } else {
      sums.air += value;
      sums.airs++;
    }
  }
  if (sums.ghosts < LEAST_VOXELS || sums.airs < LEAST_VOXELS)
    return because('the head leaves no air in which its ghost would stand out');
  const median = medianOf(valuesIn(data, head));
  if (!(median > 0)) return because('the head is black');
  return (sums.ghost / sums.ghosts - sums.air / sums.airs) / median;
}
