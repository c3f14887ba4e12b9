import type { Vector } from '../../../../src/preprocess/nifti/affine.ts';
import type { Random } from '../../../../src/runtime/base/random.ts';

/** Magnitude of a signal with complex noise: Rayleigh where there is none, as in the air of a scan. */
export function magnitude(signal: number, sigma: number, random: Random): number {
  return Math.hypot(signal + sigma * random.normal(), sigma * random.normal());
}

/** Values by voxel index. */
export function volumeOf(shape: Vector, value: (x: number, y: number, z: number) => number): Float32Array {
  const [nx, ny] = shape;
  return Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) =>
    value(at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))),
  );
}

/** Smooths white noise by a Gaussian of this width at half maximum, in voxels, around a ring along every axis. */
export function smoothNoise(shape: Vector, fwhm: number, random: Random): Float32Array {
  const sigma = fwhm / Math.sqrt(8 * Math.LN2);
  const reach = Math.ceil(4 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, at) =>
    Math.exp(-((at - reach) ** 2) / (2 * sigma ** 2)),
  );
  let data = volumeOf(shape, () => random.normal());
  const strides = [1, shape[0], shape[0] * shape[1]];
  for (const [axis, stride] of strides.entries()) {
    const size = shape[axis] ?? 1;
    const from = data;
    data = from.map((_, at) => {
      const place = Math.floor(at / stride) % size;
      return kernel.reduce((sum, weight, tap) => {
        const other = (place + tap - reach + 8 * size) % size;
        return sum + weight * (from[at + (other - place) * stride] ?? 0);
      }, 0);
    });
  }
  return data;
}
