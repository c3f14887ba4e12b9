import type { Grid } from '../volume/grid.ts';

/** One volume in memory: real values, first axis fastest, with its place in the world. */
export interface Scan extends Grid {
  readonly data: Float32Array;
}

/** One value a voxel of a scan: not 0 where the voxel belongs. */
export type Mask = Uint8Array;
