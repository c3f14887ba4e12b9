import { f32At, f64At, u8At } from '../../../runtime/base/at.ts';
import { because, type Outcome } from '../outcome.ts';
import { medianOf } from './spread.ts';

/** A series of volumes, one after the other in memory. */
export interface Series {
  /** [volumes, voxels] */
  readonly data: Float32Array;
  readonly volumes: number;
}

/** Of each voxel over time. */
export interface OverTime {
  readonly mean: Float32Array;
  /** Mean over standard deviation, the latter over `volumes`; 0 where nothing changes. */
  readonly tsnr: Float32Array;
}

/** Sums in float64; the second pass takes differences to the mean. */
export function overTime({ data, volumes }: Series): OverTime {
  const size = data.length / volumes;
  const sums = new Float64Array(size);
  for (let volume = 0, at = 0; volume < volumes; volume++)
    for (let voxel = 0; voxel < size; voxel++, at++) sums[voxel] = f64At(sums, voxel) + f32At(data, at);
  const means = sums.map((sum) => sum / volumes);
  const squares = new Float64Array(size);
  for (let volume = 0, at = 0; volume < volumes; volume++)
    for (let voxel = 0; voxel < size; voxel++, at++)
      squares[voxel] = f64At(squares, voxel) + (f32At(data, at) - f64At(means, voxel)) ** 2;
  const tsnr = Float32Array.from(squares, (sum, voxel) =>
    sum > 0 ? f64At(means, voxel) / Math.sqrt(sum / volumes) : 0,
  );
  return { mean: Float32Array.from(means), tsnr };
}

/** Where the head's median is 1000; mean over time, see Power et al. 2012, and nipype's `ComputeDVARS` without its standard form. */
export function dvars({ data, volumes }: Series, head: Uint8Array): Outcome {
  const size = data.length / volumes;
  const inside = indicesOf(head);
  if (volumes < 2) return because('one volume does not change');
  const all = new Float32Array(inside.length * volumes);
  for (let volume = 0, to = 0; volume < volumes; volume++)
    for (const voxel of inside) all[to++] = f32At(data, volume * size + voxel);
  const median = medianOf(all);
  if (!(median > 0)) return because('the head is black');
  let total = 0;
  for (let volume = 1; volume < volumes; volume++) {
    let squares = 0;
    for (const voxel of inside) {
      const now = volume * size + voxel;
      squares += (f32At(data, now) - f32At(data, now - size)) ** 2;
    }
    total += Math.sqrt(squares / inside.length);
  }
  return (1000 / median) * (total / (volumes - 1));
}

function indicesOf(mask: Uint8Array): Int32Array {
  const indices = new Int32Array(mask.length);
  let count = 0;
  for (let at = 0; at < mask.length; at++) if (u8At(mask, at) !== 0) indices[count++] = at;
  return indices.slice(0, count);
}
