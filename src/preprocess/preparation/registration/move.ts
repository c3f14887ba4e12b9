import { f32At } from '../../../runtime/base/at.ts';
import { elementCount } from '../../../runtime/base/tensors/nd-array.ts';
import { type Affine, AXES, composed, inverseOf } from '../../nifti/affine.ts';
import type { Grid } from '../../volume/grid.ts';
import { cubicWeights } from '../cubic-weights.ts';
import { type Interpolation, mirrored } from '../resample.ts';
import type { Scan } from '../scan.ts';
import { splineCoefficients } from '../spline-coefficients.ts';

/** Takes one value of a volume at a place between its voxels; the place is not more than half a voxel outside. */
type Sampler = (i: number, j: number, k: number) => number;

/**
 * A volume on the grid of another, through a motion: one resampling, whatever the motion. What the volume does not show is 0; half a voxel
 * around it is taken from the edge (`cubic`: mirrored).
 * @param matrix from a place of the grid's world to one of the volume's
 */
export function moved(volume: Scan, matrix: Affine, how: { grid: Grid; interpolation: Interpolation }): Scan {
  const { shape, affine } = how.grid;
  const [a, b, c] = composed(inverseOf(volume.affine), composed(matrix, affine));
  const [nx, ny, nz] = volume.shape;
  const sample = SAMPLERS[how.interpolation](volume);
  const data = new Float32Array(elementCount(shape));
  let at = 0;
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      const [i0, j0, k0] = [a, b, c].map((row) => row[1] * y + row[2] * z + row[3]) as [
        number,
        number,
        number,
      ];
      for (let x = 0; x < shape[0]; x++, at++) {
        const [i, j, k] = [i0 + a[0] * x, j0 + b[0] * x, k0 + c[0] * x];
        if (i < -0.5 || j < -0.5 || k < -0.5 || i > nx - 0.5 || j > ny - 0.5 || k > nz - 0.5) continue;
        data[at] = sample(i, j, k);
      }
    }
  }
  return { shape, affine, data };
}

const SAMPLERS: Readonly<Record<Interpolation, (volume: Scan) => Sampler>> = {
  nearest: ({ shape: [nx, ny, nz], data }) => {
    const near = (place: number, size: number) => Math.min(size - 1, Math.max(0, Math.round(place)));
    return (i, j, k) => f32At(data, (near(k, nz) * ny + near(j, ny)) * nx + near(i, nx));
  },
  linear: ({ shape: [nx, ny, nz], data }) => {
    const inside = (place: number, size: number) => Math.min(size - 1, Math.max(0, place));
    return (i, j, k) => {
      const [x, y, z] = [inside(i, nx), inside(j, ny), inside(k, nz)];
      const [low, row, slice] = [Math.floor(x), Math.floor(y), Math.floor(z)];
      const [a, b, c] = [x - low, y - row, z - slice];
      const at = (slice * ny + row) * nx + low;
      // At the last voxel the next one has no weight.
      const [dx, dy, dz] = [a > 0 ? 1 : 0, b > 0 ? nx : 0, c > 0 ? nx * ny : 0];
      const mix = (from: number) => f32At(data, from) * (1 - a) + f32At(data, from + dx) * a;
      return (
        (mix(at) * (1 - b) + mix(at + dy) * b) * (1 - c) +
        (mix(at + dz) * (1 - b) + mix(at + dy + dz) * b) * c
      );
    };
  },
  cubic: ({ shape, data }) => {
    const [nx, ny, nz] = shape;
    const spline = AXES.reduce((values, axis) => splineCoefficients(values, shape, axis), data);
    return (i, j, k) => {
      const [x, y, z] = [Math.floor(i), Math.floor(j), Math.floor(k)];
      const [u, v, w] = [cubicWeights(i - x), cubicWeights(j - y), cubicWeights(k - z)];
      let sum = 0;
      for (let c = 0; c < 4; c++) {
        const slice = mirrored(z - 1 + c, nz) * ny;
        for (let b = 0; b < 4; b++) {
          const row = (slice + mirrored(y - 1 + b, ny)) * nx;
          const weight = (v[b] ?? 0) * (w[c] ?? 0);
          for (let a = 0; a < 4; a++)
            sum += weight * (u[a] ?? 0) * f32At(spline, row + mirrored(x - 1 + a, nx));
        }
      }
      return sum;
    };
  },
};
