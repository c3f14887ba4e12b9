import { createHash } from 'node:crypto';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { bytesOf } from '../../runtime/base/tensors/nd-array.ts';
import { voxelSize } from '../nifti/affine.ts';
import { orientationOf, reorientToRas } from '../nifti/orient.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';
import { type Grid, gridDifference } from '../volume/grid.ts';
import type { SourceVolume, VolumesContent } from './examination.ts';
import { ExaminationFace, type FaceRule, faceFactsSchema } from './examination-face.ts';

/** What is known of the volumes of one examination once they were read; also a part of the journal. */
export const volumeFactsSchema = z.strictObject({
  /** Over the voxels in the order R, A, S, so that other containers and storage orders of the same head are found. */
  pixelSha256: z.string(),
  shape: z.tuple([z.int(), z.int(), z.int()]),
  /** Millimetres. */
  voxel: z.tuple([z.number(), z.number(), z.number()]),
  orientation: z.string(),
  /** Voxels by value of the mask, without 0. */
  lesion: z.record(z.string(), z.int()).optional(),
  face: faceFactsSchema,
});
export type VolumeFacts = z.infer<typeof volumeFactsSchema>;

/** Takes one file of an examination: `name` as in `VolumeItem`, `desc-lesion_mask` for its mask. */
export type TakeFile = (name: string, bytes: Uint8Array) => Promise<void>;

/** Name of a mask, which stands in a derivative of its own. */
export const LESION_MASK = 'desc-lesion_mask';

/** Name of the mask of what was removed with the face, in a derivative of its own as well. */
export const FACE_MASK = 'desc-face_mask';

/**
 * Reads the volumes of one examination one after the other, compares their grids, takes the face out, and gives the files to write to `take`.
 * @throws NF_VOLUME_*, NF_DEFACE_* and what the readers throw
 */
export async function convertVolumes(
  { images, mask }: VolumesContent,
  { take, faces }: { take: TakeFile; faces: FaceRule },
): Promise<VolumeFacts> {
  const digest = createHash('sha256');
  const face = new ExaminationFace(faces);
  const waiting: { name: string; volume: SourceVolume }[] = [];
  let first: Grid | undefined;
  for (const { name, read } of images) {
    const volume = await read();
    checkContent(volume, name);
    first ??= { shape: volume.shape, affine: volume.affine };
    checkGrid({ first, volume, name });
    const upright = reorientToRas(volume);
    digest.update(`${name} ${upright.shape.join('x')}\n`).update(bytesOf(upright.data));
    waiting.push({ name, volume });
    face.look(volume, name);
    if (face.isKnown) await takeWaiting({ waiting, face, take });
  }
  if (!first) throw new Error('an examination has at least one image');
  const faceFacts = face.facts(images[0]?.name ?? '');
  const lesion = mask && (await convertMask({ mask, first, take, face }));
  if (face.mask) await take(FACE_MASK, await gzipNifti(encodeNifti({ ...first, data: face.mask })));
  const [x, y, z] = voxelSize(first.affine);
  return {
    pixelSha256: digest.digest('hex'),
    shape: [...first.shape],
    voxel: [x, y, z],
    orientation: orientationOf(first.affine),
    ...(lesion && { lesion }),
    face: faceFacts,
  };
}

async function takeWaiting(what: {
  waiting: { name: string; volume: SourceVolume }[];
  face: ExaminationFace;
  take: TakeFile;
}): Promise<void> {
  for (const { name, volume } of what.waiting.splice(0)) {
    what.face.remove(volume);
    await what.take(name, await encodeVolume(volume));
  }
}

async function convertMask(what: {
  mask: NonNullable<VolumesContent['mask']>;
  first: Grid;
  take: TakeFile;
  face: ExaminationFace;
}): Promise<Record<string, number>> {
  const volume = await what.mask.read();
  checkGrid({ first: what.first, volume, name: 'the mask' });
  const counts = new Array<number>(256).fill(0);
  for (const value of volume.data) {
    if (!(value >= 0 && value <= 255 && Number.isInteger(value)))
      throw flError('NF_VOLUME_MASK_VALUE', { value });
    counts[value] = (counts[value] ?? 0) + 1;
  }
  const cut =
    what.face.mask?.reduce((sum, removed, at) => sum + (removed && volume.data[at] ? 1 : 0), 0) ?? 0;
  if (cut > 0) throw flError('NF_DEFACE_LESION', { count: cut });
  await what.take(LESION_MASK, await encodeVolume({ ...volume, affine: what.first.affine }));
  const found = counts.flatMap((count, value) => (value > 0 && count > 0 ? [[String(value), count]] : []));
  return Object.fromEntries(found);
}

function checkGrid({ first, volume, name }: { first: Grid; volume: SourceVolume; name: string }): void {
  const difference = gridDifference(first, volume);
  if (difference !== undefined) throw flError('NF_VOLUME_GRID', { name, difference });
}

function checkContent({ data }: SourceVolume, name: string): void {
  const [first] = data;
  if (data.every((value) => value === first)) throw flError('NF_VOLUME_BLANK', { name });
}

/** As a NIfTI file, in the smallest type that holds every voxel as it is. */
export async function encodeVolume({ shape, data, affine }: SourceVolume): Promise<Uint8Array> {
  return gzipNifti(encodeNifti({ shape, data: narrow(data), affine }));
}

/** The smallest type that holds every value as it is. */
function narrow(data: Float32Array): Uint8Array | Int16Array | Float32Array {
  let [least, most] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    const value = data[at] as number;
    if (!Number.isInteger(value)) return data;
    if (value < least) least = value;
    else if (value > most) most = value;
  }
  if (least >= 0 && most <= 255) return Uint8Array.from(data);
  return least >= -32768 && most <= 32767 ? Int16Array.from(data) : data;
}
