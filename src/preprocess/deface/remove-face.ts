import { f32At, u8At } from '../../runtime/base/at.ts';
import { determinant, worldOf } from '../nifti/affine.ts';
import { findWindow } from '../picture/intensity.ts';
import type { FacePlane } from './face-planes.ts';
import { type Face, findFace, type NoHead } from './find-face.ts';
import type { PlacedVolume } from './head-grid.ts';

/** More is no brain alone. */
export const MOST_BRAIN_ML = 2200;

/** A face that was found. */
export interface FaceRegion {
  /** 1 where a voxel is to be removed: all in front of and below the planes, air as well. It shows no face. */
  readonly mask: Uint8Array;
  /** Millilitres in the mask that are no air. */
  readonly tissueMl: number;
  readonly face: Face;
}

/** What a volume shows in front of and below its brain, or why that cannot be said. */
export function faceRegion(volume: PlacedVolume): FaceRegion | NoHead {
  const face = findFace(volume);
  return typeof face === 'string' ? face : regionOf(volume, face);
}

/** Where a face lies in a volume, whichever image it was found in. */
export function regionOf(volume: PlacedVolume, face: Face): FaceRegion {
  const mask = beyondPlanes(volume, face.planes);
  return { mask, tissueMl: tissueOf(volume, mask), face };
}

/** Millilitres of a volume, or of a mask in it, that are no air. */
export function tissueOf({ data, affine }: PlacedVolume, mask?: Uint8Array): number {
  const air = (findWindow(data)?.threshold ?? 0) / 2;
  let count = 0;
  for (let at = 0; at < data.length; at++)
    if (f32At(data, at) > air && (!mask || u8At(mask, at) === 1)) count++;
  return (count * Math.abs(determinant(affine))) / 1000;
}

/** 1 for voxels whose middle lies beyond one of the planes at least. */
export function beyondPlanes(
  { shape, affine }: Pick<PlacedVolume, 'shape' | 'affine'>,
  planes: readonly FacePlane[],
): Uint8Array {
  const [nx, ny, nz] = shape;
  const mask = new Uint8Array(nx * ny * nz);
  const [dy, dz] = [affine[1][0], affine[2][0]];
  for (let k = 0, row = 0; k < nz; k++)
    for (let j = 0; j < ny; j++, row += nx) {
      const [, y, z] = worldOf(affine, [0, j, k]);
      for (const { forward, downward, limit } of planes) {
        const start = forward * y - downward * z;
        const step = forward * dy - downward * dz;
        for (let i = 0; i < nx; i++) if (start + step * i > limit) mask[row + i] = 1;
      }
    }
  return mask;
}
