import { bytesOf } from '../../runtime/base/tensors/nd-array.ts';
import type { Affine } from './affine.ts';
import { voxelSize } from './affine.ts';
import { VERSIONS } from './fields.ts';
import { qFormFromAffine } from './quaternion.ts';

export { gzipNifti } from './gzip.ts';

/** An image to write; `data` has the first axis fastest, `data.length` is the product of `shape`. */
export interface NiftiInput {
  /** Voxels along x, y, z; a slice has 1 as its last. */
  readonly shape: readonly [number, number, number];
  readonly data: Uint8Array | Int16Array | Float32Array;
  readonly affine: Affine;
  readonly voxelUnits?: keyof typeof UNIT_CODES;
  /** At most 79 bytes of ASCII; longer text is cut. */
  readonly description?: string;
}

const HEADER_BYTES = VERSIONS[1].bytes;
const UNIT_CODES = { m: 1, mm: 2, um: 3 } as const;
/** NIFTI_XFORM_SCANNER_ANAT. */
const SCANNER = 1;

/**
 * One NIfTI-1 file (nifti1.h), uncompressed, little-endian, without extensions: dim[0] = 3, units set, no scaling,
 * sform and qform saying the same. A sheared affine has no qform, so its code is then 0.
 */
export function encodeNifti(image: NiftiInput): Uint8Array {
  const { shape, data } = image;
  const voxels = shape[0] * shape[1] * shape[2];
  if (data.length !== voxels) throw new RangeError(`${data.length} values for ${voxels} voxels`);
  if (!shape.every((size) => Number.isInteger(size) && size > 0 && size < 2 ** 15)) {
    throw new RangeError(`shape ${shape.join(' x ')} does not fit a NIfTI-1 header`);
  }
  const bytes = new Uint8Array(HEADER_BYTES + data.byteLength);
  const view = new DataView(bytes.buffer);
  writeFixed(view, image);
  writeSpace(view, image.affine);
  bytes.set(asciiBytes(image.description ?? ''), 148);
  bytes.set(bytesOf(data), HEADER_BYTES);
  return bytes;
}

function writeFixed(view: DataView, { shape, data, voxelUnits = 'mm' }: NiftiInput): void {
  view.setInt32(0, 348, true);
  for (const [at, size] of [3, ...shape, 1, 1, 1, 1].entries()) view.setInt16(40 + 2 * at, size, true);
  const code = data instanceof Uint8Array ? 2 : data instanceof Int16Array ? 4 : 16;
  view.setInt16(70, code, true);
  view.setInt16(72, data.BYTES_PER_ELEMENT * 8, true);
  view.setFloat32(108, HEADER_BYTES, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, UNIT_CODES[voxelUnits]);
  // Magic "n+1\0".
  view.setUint32(344, 0x6e2b3100);
}

function writeSpace(view: DataView, affine: Affine): void {
  const q = qFormFromAffine(affine);
  for (const [at, size] of [q?.qfac ?? 1, ...voxelSize(affine), 1, 1, 1, 1].entries()) {
    view.setFloat32(76 + 4 * at, size, true);
  }
  view.setInt16(252, q ? SCANNER : 0, true);
  view.setInt16(254, SCANNER, true);
  const quaternion = q ? [q.b, q.c, q.d, ...q.offset] : [];
  for (const [at, value] of [...quaternion].entries()) view.setFloat32(256 + 4 * at, value, true);
  for (const [at, value] of [...affine[0], ...affine[1], ...affine[2]].entries()) {
    view.setFloat32(280 + 4 * at, value, true);
  }
}

function asciiBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text.replace(/[^\x20-\x7e]/g, '?')).subarray(0, 79);
}
