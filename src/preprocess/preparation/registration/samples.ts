import { f32At } from '../../../runtime/base/at.ts';
import { createRandom } from '../../../runtime/base/random.ts';
import { type Vector, voxelSize, worldOf } from '../../nifti/affine.ts';
import type { Box } from '../crop.ts';
import type { Scan } from '../scan.ts';
import { binsOf, type Samples } from './mutual-information.ts';

/**
 * Places in a box of a volume, one in each cube of `spacing` mm, drawn from a fixed seed: places on the grid of the voxels would prefer
 * motions by whole voxels (Pluim et al. 2000).
 * @param centre in the world, from which places are counted
 */
export function drawSamples(
  scan: Scan,
  { start, shape }: Box,
  { spacing, centre, window }: { spacing: number; centre: Vector; window: { black: number; white: number } },
): Samples {
  const size = voxelSize(scan.affine);
  const random = createRandom('registration', spacing);
  const cells = shape.map((length, axis) =>
    Math.max(1, Math.floor(((length - 1) * (size[axis] ?? 1)) / spacing)),
  );
  const [nx = 1, ny = 1, nz = 1] = cells;
  const places = new Float64Array(3 * nx * ny * nz);
  const values = new Float64Array(nx * ny * nz);
  const along = (axis: 0 | 1 | 2, cell: number) =>
    start[axis] + ((cell + random.next()) * (shape[axis] - 1)) / (cells[axis] ?? 1);
  for (let at = 0; at < values.length; at++) {
    const index: Vector = [
      along(0, at % nx),
      along(1, Math.floor(at / nx) % ny),
      along(2, Math.floor(at / (nx * ny))),
    ];
    values[at] = valueAt(scan, index);
    const world = worldOf(scan.affine, index);
    for (const axis of [0, 1, 2] as const) places[3 * at + axis] = world[axis] - centre[axis];
  }
  return { places, bins: binsOf(values, window) };
}

/** By linear interpolation, inside the volume. */
function valueAt({ shape, data }: Scan, [i, j, k]: Vector): number {
  const low = (place: number, size: number) => Math.max(0, Math.min(size - 2, Math.floor(place)));
  const [x, y, z] = [low(i, shape[0]), low(j, shape[1]), low(k, shape[2])];
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [a, b, c] = [corner & 1, (corner >> 1) & 1, corner >> 2];
    const weight = Math.abs(1 - a - (i - x)) * Math.abs(1 - b - (j - y)) * Math.abs(1 - c - (k - z));
    sum += weight * f32At(data, ((z + c) * shape[1] + y + b) * shape[0] + x + a);
  }
  return sum;
}
