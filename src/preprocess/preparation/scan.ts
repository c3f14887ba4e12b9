import type { Affine, Vector } from '../nifti/affine.ts';

/** One volume in memory: real values, first axis fastest, with its place in the world. */
export interface Scan {
  readonly shape: Vector;
  readonly data: Float32Array;
  readonly affine: Affine;
}

/** One value a voxel of a scan: not 0 where the voxel belongs. */
export type Mask = Uint8Array;
