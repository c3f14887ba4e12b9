import { i32At, u8At } from '../../base/at.ts';
import type { VolumeMask } from './mask.ts';

/** Parts of a mask that hang together. */
export interface Components {
  /** [voxels]: 0 outside, else 1 to `count`, in the order of the first voxel of each part. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** Voxels that share a face, an edge or a corner hang together: 26 neighbours, 8 in a slice. */
export function connectedComponents({ shape, inside }: VolumeMask): Components {
  const labels = new Int32Array(inside.length);
  const stack = new Int32Array(inside.length);
  let count = 0;
  for (let seed = 0; seed < inside.length; seed++) {
    if (u8At(inside, seed) === 0 || i32At(labels, seed) !== 0) continue;
    count++;
    labels[seed] = count;
    stack[0] = seed;
    for (let height = 1; height > 0; ) {
      const at = i32At(stack, --height);
      forEachNeighbour(at, shape, (other) => {
        if (u8At(inside, other) === 0 || i32At(labels, other) !== 0) return;
        labels[other] = count;
        stack[height++] = other;
      });
    }
  }
  return { labels, count };
}

/** The up to 26 voxels around one, and the voxel itself. */
function forEachNeighbour(
  at: number,
  [nx, ny, nz]: VolumeMask['shape'],
  visit: (other: number) => void,
): void {
  const x = at % nx;
  const y = Math.floor(at / nx) % ny;
  const z = Math.floor(at / (nx * ny));
  for (let k = Math.max(0, z - 1); k <= Math.min(nz - 1, z + 1); k++)
    for (let j = Math.max(0, y - 1); j <= Math.min(ny - 1, y + 1); j++)
      for (let i = Math.max(0, x - 1); i <= Math.min(nx - 1, x + 1); i++) visit((k * ny + j) * nx + i);
}

/** A mask grown by some steps, each to the voxels that share a face or an edge with it (18 neighbours, 8 in a slice). */
export function dilate(mask: VolumeMask, steps: number): VolumeMask {
  const { shape, voxel } = mask;
  const [nx, ny] = shape;
  let inside = mask.inside;
  let edge: number[] = [];
  for (let at = 0; at < inside.length; at++) if (u8At(inside, at) === 1) edge.push(at);
  if (steps > 0) inside = inside.slice();
  for (let step = 0; step < steps; step++) {
    const next: number[] = [];
    for (const at of edge) {
      const [x, y, z] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
      forEachNeighbour(at, shape, (other) => {
        const isCorner =
          other % nx !== x && Math.floor(other / nx) % ny !== y && Math.floor(other / (nx * ny)) !== z;
        if (isCorner || u8At(inside, other) === 1) return;
        inside[other] = 1;
        next.push(other);
      });
    }
    edge = next;
  }
  return { shape, voxel, inside };
}
