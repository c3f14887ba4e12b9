import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { flError } from '../../runtime/base/errors/errors.ts';
import { reasonOf } from '../../runtime/base/errors/reason-of.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { isOutOfMemory, withMemory } from '../../runtime/base/threads/memory-share.ts';
import { type Affine, determinant, voxelSize } from '../nifti/affine.ts';
import { type Datatype, viewVoxels } from '../nifti/datatype.ts';

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);

const FLOAT_BYTES = 4;
/** Sides beyond this do not fit the header of a NIfTI-1 file. */
const LONGEST_SIDE = 32767;
/** Axes that are named. */
const MOST_SHOWN = 8;

/** What a header says of the voxels, checked: nothing in it asks for more memory than an image may have. */
export interface StoredVolume {
  readonly shape: readonly [number, number, number];
  readonly type: Datatype;
  readonly littleEndian: boolean;
  readonly packing: 'none' | 'gzip' | 'zlib';
  /** Indices to millimetres: x right, y anterior, z superior. */
  readonly affine: Affine;
  /** Bytes before the voxels once they are unpacked. */
  readonly skip: number;
  /** Other things may follow the voxels. */
  readonly hasTail: boolean;
}

/** Bytes of the voxels as they are stored. */
export function storedBytes({ shape, type }: Pick<StoredVolume, 'shape' | 'type'>): number {
  return shape[0] * shape[1] * shape[2] * type.size;
}

/**
 * Three sizes of a volume out of what a header promises; further axes of one element are dropped.
 * @throws NF_VOLUME_HEADER, NF_VOLUME_SERIES, NF_VOLUME_TOO_LARGE
 */
export function checkSizes(sizes: readonly number[], file: string): [number, number, number] {
  const bad = sizes.find((size) => !(Number.isInteger(size) && size > 0 && size <= LONGEST_SIDE));
  if (bad !== undefined) throw headerFault(file, `a side of ${bad} voxels`);
  const [x, y, z, ...more] = sizes;
  if (x === undefined || y === undefined || z === undefined) {
    throw headerFault(file, `${sizes.length} axes, where a volume has 3`);
  }
  if (more.some((size) => size !== 1)) {
    const shape = `${sizes.slice(0, MOST_SHOWN).join(' x ')}${sizes.length > MOST_SHOWN ? ' x ...' : ''}`;
    throw flError('NF_VOLUME_SERIES', { file, shape }, { place: { file } });
  }
  const bytes = x * y * z * FLOAT_BYTES;
  const { most } = DATA_LIMITS.image_bytes;
  if (bytes > most) throw flError('NF_VOLUME_TOO_LARGE', { file, bytes, most }, { place: { file } });
  return [x, y, z];
}

/** @throws NF_VOLUME_HEADER for what is not finite, flat, or cannot be inverted */
export function checkAffine(affine: Affine, file: string): Affine {
  const box = voxelSize(affine).reduce((product, size) => product * size, 1);
  const allFinite = affine.flat().every(Number.isFinite);
  if (!allFinite || !(box > 0) || Math.abs(determinant(affine)) < 1e-4 * box) {
    throw headerFault(file, 'directions and voxel sizes that are no grid');
  }
  return affine;
}

export function headerFault(file: string, what: string) {
  return flError('NF_VOLUME_HEADER', { file, what }, { place: { file } });
}

/**
 * The voxels of a file, as float32; `isAlone`: whoever calls has all memory that is shared. What is packed is unpacked up to what the header promises and no byte further.
 * @throws NF_VOLUME_DATA, NF_VOLUME_NOT_FINITE, NF_VOLUME_MEMORY
 */
export async function decodeVoxels(
  packed: Uint8Array,
  stored: StoredVolume,
  { file, isAlone }: { file: string; isAlone: boolean },
): Promise<Float32Array> {
  const bytes = storedBytes(stored);
  const needed = 2 * bytes + FLOAT_BYTES * (bytes / stored.type.size);
  try {
    return await withMemory(isAlone ? 0 : needed, async () => {
      const plain = await unpack(packed, stored, file);
      const found = plain.length - stored.skip;
      if (found < bytes || (found > bytes && !stored.hasTail)) {
        throw dataFault(file, `${Math.max(0, found)} bytes of voxels, where its header promises ${bytes}`);
      }
      const voxels = plain.subarray(stored.skip, stored.skip + bytes);
      return toFloats(viewVoxels(inOrder(voxels, stored), stored.type), file);
    });
  } catch (thrown) {
    if (!isOutOfMemory(thrown)) throw thrown;
    const megabytes = Math.ceil(needed / 1e6);
    throw flError('NF_NIFTI_MEMORY', { file, megabytes }, { place: { file }, cause: thrown });
  }
}

/** What may follow the voxels of a file: tags of FreeSurfer. */
const LONGEST_TAIL = 2 ** 20;

async function unpack(packed: Uint8Array, stored: StoredVolume, file: string): Promise<Uint8Array> {
  if (stored.packing === 'none') return packed;
  const most = stored.skip + storedBytes(stored) + (stored.hasTail ? LONGEST_TAIL : 0);
  try {
    const open = stored.packing === 'gzip' ? gunzipAsync : inflateAsync;
    return await open(packed, { maxOutputLength: most });
  } catch (cause) {
    if (isOutOfMemory(cause)) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const what =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? 'more voxels than its header promises'
        : code === 'Z_BUF_ERROR'
          ? 'packed voxels that are cut off'
          : `packed voxels that are damaged (${reasonOf(cause)})`;
    throw dataFault(file, what, cause);
  }
}

function dataFault(file: string, what: string, cause?: unknown) {
  return flError('NF_VOLUME_DATA', { file, what }, { place: { file }, cause });
}

/** Aligned, in little-endian order. */
function inOrder(voxels: Uint8Array, { littleEndian, type }: StoredVolume): Uint8Array {
  const swap = !littleEndian && type.size > 1;
  if (!swap && voxels.byteOffset % type.size === 0) return voxels;
  const copy = Buffer.alloc(voxels.length);
  copy.set(voxels);
  if (!swap) return copy;
  return type.size === 2 ? copy.swap16() : type.size === 4 ? copy.swap32() : copy.swap64();
}

function toFloats(stored: ArrayLike<number | bigint>, file: string): Float32Array {
  const data = new Float32Array(stored.length);
  for (let at = 0; at < data.length; at++) {
    const value = Math.fround(Number(stored[at]));
    if (value - value !== 0) throw flError('NF_VOLUME_NOT_FINITE', { file, at }, { place: { file } });
    data[at] = value;
  }
  return data;
}
