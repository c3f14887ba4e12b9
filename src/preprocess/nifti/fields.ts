import { type NIFTI1, readHeader } from 'nifti-reader-js';

/** Fields of a header that are used later, as they stand there: nothing of them is checked. */
export interface NiftiFields
  extends Pick<
    NIFTI1,
    | 'dims'
    | 'pixDims'
    | 'datatypeCode'
    | 'numBitsPerVoxel'
    | 'vox_offset'
    | 'scl_slope'
    | 'scl_inter'
    | 'xyzt_units'
    | 'description'
    | 'affine'
    | 'quatern_b'
    | 'quatern_c'
    | 'quatern_d'
    | 'qoffset_x'
    | 'qoffset_y'
    | 'qoffset_z'
  > {
  readonly sformCode: number;
  readonly qformCode: number;
}

/** What the two versions have in common: how long they are with the four bytes that announce extensions, and their size in the first four bytes. */
export const VERSIONS = {
  1: { size: 348, bytes: 352 },
  2: { size: 540, bytes: 544 },
} as const;
export type NiftiVersion = keyof typeof VERSIONS;

/**
 * The fields of NIfTI-1 (nifti1.h). Without the four extension bytes the library does not follow extension sizes; with the qform's code cleared it gives
 * the sform, where there is one.
 */
export function fieldsOfVersion1(head: Uint8Array, littleEndian: boolean): NiftiFields {
  // Of a Buffer, slice would share the memory of the whole file.
  const copy = new Uint8Array(head.subarray(0, VERSIONS[1].size));
  const view = new DataView(copy.buffer);
  const [qformCode, sformCode] = [view.getInt16(252, littleEndian), view.getInt16(254, littleEndian)];
  if (sformCode > 0) copy.fill(0, 252, 254);
  return Object.assign(readHeader(copy.buffer) as NIFTI1, { sformCode, qformCode });
}

/** The fields of NIfTI-2 (nifti2.h): the same ones, wider, in another order. */
export function fieldsOfVersion2(head: Uint8Array, littleEndian: boolean): NiftiFields {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const real = (at: number) => view.getFloat64(at, littleEndian);
  const long = (at: number) => Number(view.getBigInt64(at, littleEndian));
  const int = (at: number) => view.getInt32(at, littleEndian);
  const eight = (first: number, read: (at: number) => number) =>
    Array.from({ length: 8 }, (_, index) => read(first + 8 * index));
  return {
    datatypeCode: view.getInt16(12, littleEndian),
    numBitsPerVoxel: view.getInt16(14, littleEndian),
    dims: eight(16, long),
    pixDims: eight(104, real),
    vox_offset: long(168),
    scl_slope: real(176),
    scl_inter: real(184),
    description: Buffer.from(head.subarray(240, 320)).toString('latin1'),
    qformCode: int(344),
    sformCode: int(348),
    quatern_b: real(352),
    quatern_c: real(360),
    quatern_d: real(368),
    qoffset_x: real(376),
    qoffset_y: real(384),
    qoffset_z: real(392),
    affine: [400, 432, 464].map((row) => [0, 8, 16, 24].map((at) => real(row + at))),
    xyzt_units: int(500),
  };
}
