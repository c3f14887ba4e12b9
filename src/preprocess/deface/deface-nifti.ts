import { f32At, u8At } from '../../runtime/base/at.ts';
import { millimetres } from '../nifti/header.ts';
import { decodeNifti, type NiftiImage } from '../nifti/read.ts';
import { meanOf, volumesOf } from '../nifti/series.ts';
import { encodeNifti } from '../nifti/write.ts';
import { gridDifference } from '../volume/grid.ts';
import type { NoHead } from './find-face.ts';
import type { PlacedVolume } from './head-grid.ts';
import { type FaceRegion, faceRegion, tissueOf } from './remove-face.ts';

/** A file in memory; its bytes are unpacked, and its name ends in `.nii`. */
export interface NiftiFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface DefacedNifti extends NiftiFile {
  /** A NIfTI file of one volume: 1 where voxels were removed. */
  readonly mask: Uint8Array;
  /** Millilitres that were removed and no air. */
  readonly tissueMl: number;
  /** Of the surface that was taken for the brain's. */
  readonly brainMl: number;
}

/** Why a face cannot be removed. */
export type NoFace = NoHead | 'no_directions';

/**
 * Takes the face out of images of one head: in all volumes of a series, whose mean shows where it is. One in which it cannot be found (a phase
 * image) takes the region of another on its grid. Headers and all other voxels stay as they are, byte for byte.
 * @param files their bytes are changed
 * @returns what was removed from each, or why it cannot be; then nothing is to be used
 * @throws NF_NIFTI_*
 */
export async function defaceNiftis(files: readonly NiftiFile[]): Promise<DefacedNifti[] | NoFace> {
  const looked: Looked[] = [];
  for (const file of files) looked.push(look(file, await decodeNifti(file.bytes, file.name)));
  const done: DefacedNifti[] = [];
  for (const own of looked) {
    const region = regionFor(own, looked);
    if (typeof region === 'string') return region;
    const { name, bytes, volume } = own;
    removeVoxels(bytes, own, region.mask);
    const mask = encodeNifti({ shape: volume.shape, data: region.mask, affine: volume.affine });
    done.push({ name, bytes, mask, tissueMl: region.tissueMl, brainMl: region.face.brainMl });
  }
  return done;
}

/** The own region of an image, or that of the first on its grid that has one. */
function regionFor(own: Looked, looked: readonly Looked[]): FaceRegion | NoFace {
  if (typeof own.region !== 'string') return own.region;
  for (const { region, volume } of looked)
    if (typeof region !== 'string' && !gridDifference(volume, own.volume))
      return { ...region, tissueMl: tissueOf(own.volume, region.mask) };
  return own.region;
}

interface Looked extends NiftiFile, Stored {
  /** Of a series its mean. */
  readonly volume: PlacedVolume;
  readonly region: FaceRegion | NoFace;
}

/** Where voxels are in the bytes of a file. */
interface Stored {
  readonly offset: number;
  readonly voxelBytes: number;
  readonly voxels: number;
  /** The voxel of the least value. */
  readonly darkest: number;
}

function look(file: NiftiFile, image: NiftiImage): Looked {
  const volume = placedVolume(image);
  return { ...file, volume, region: regionIn(image, volume), ...storedIn(image) };
}

/** Of a series its mean. */
export function placedVolume(image: NiftiImage): PlacedVolume {
  const [x = 1, y = 1, z = 1] = image.shape;
  const volumes = volumesOf(image);
  const data = volumes === 1 ? image.data : meanOf(image.data, volumes);
  return { shape: [x, y, z], data, affine: millimetres(image) };
}

/** @param volume as `placedVolume` gives it */
export function regionIn({ hasSureAxes }: NiftiImage, volume: PlacedVolume): FaceRegion | NoFace {
  return hasSureAxes ? faceRegion(volume) : 'no_directions';
}

export function storedIn(image: NiftiImage): Stored {
  return {
    offset: image.offset,
    voxelBytes: image.dataBytes / image.data.length,
    voxels: image.data.length,
    darkest: leastAt(image.data),
  };
}

/** Gives the voxels of a mask, in each volume of a series, the least value of the image. */
export function removeVoxels(
  bytes: Uint8Array,
  { offset, voxelBytes, voxels, darkest }: Stored,
  mask: Uint8Array,
): void {
  const start = offset + darkest * voxelBytes;
  const air = bytes.slice(start, start + voxelBytes);
  for (let at = 0; at < voxels; at++)
    if (u8At(mask, at % mask.length) === 1) bytes.set(air, offset + at * voxelBytes);
}

/** Where the least value is; of equal ones the first. */
export function leastAt(data: Float32Array): number {
  let least = 0;
  for (let at = 1; at < data.length; at++) if (f32At(data, at) < f32At(data, least)) least = at;
  return least;
}
