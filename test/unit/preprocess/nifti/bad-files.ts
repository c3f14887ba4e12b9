import { deflateSync, gzipSync } from 'node:zlib';
import { centredAffine } from '../../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';

const SHAPE = [4, 3, 2] as const;
const IMAGE = encodeNifti({
  shape: SHAPE,
  data: Int16Array.from({ length: 24 }, (_, at) => at - 5),
  affine: centredAffine(SHAPE, [1, 2, 3]),
});

type Spoilt = readonly [what: string, code: string, bytes: Uint8Array];
type Edit = (view: DataView, bytes: Uint8Array) => void;

function edited(edit: Edit): Uint8Array {
  const bytes = IMAGE.slice();
  edit(new DataView(bytes.buffer), bytes);
  return bytes;
}
const int16 = (at: number, value: number) => edited((view) => view.setInt16(at, value, true));
const cube = (size: number) =>
  edited((view) => {
    for (const at of [42, 44, 46]) view.setInt16(at, size, true);
  });
const float32 = (at: number, value: number) => edited((view) => view.setFloat32(at, value, true));
const noForms: Edit = (view) => view.setInt32(252, 0, true);
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const withExtension = (size: number) => {
  const head = edited((view) => {
    view.setFloat32(108, 384, true);
    view.setUint8(348, 1);
  }).subarray(0, 352);
  const extension = new Uint8Array(32);
  new DataView(extension.buffer).setInt32(0, size, true);
  return concat(head, extension, IMAGE.subarray(352));
};
const typed = (code: number, bitpix: number) =>
  edited((view) => {
    view.setInt16(70, code, true);
    view.setInt16(72, bitpix, true);
  });

/** What can be wrong inside a NIfTI file, compressed or not. */
export const NIFTI_FAULTS: readonly Spoilt[] = [
  ['no byte at all', 'NF_NIFTI_EMPTY', new Uint8Array(0)],
  ['100 bytes', 'NF_NIFTI_HEADER_SHORT', IMAGE.subarray(0, 100)],
  ['a header without extension bytes', 'NF_NIFTI_HEADER_SHORT', IMAGE.subarray(0, 348)],
  ['a header only', 'NF_NIFTI_DATA_SHORT', IMAGE.subarray(0, 352)],
  ['text', 'NF_NIFTI_MAGIC', new TextEncoder().encode('not an image '.repeat(40))],
  ['a wrong magic', 'NF_NIFTI_MAGIC', edited((view) => view.setUint8(345, 0x78))],
  ['an Analyze header', 'NF_NIFTI_MAGIC', edited((view) => view.setUint32(344, 0))],
  ['one half of a pair', 'NF_NIFTI_PAIR', edited((view) => view.setUint8(345, 0x69))],
  ['NIfTI-2', 'NF_NIFTI_VERSION_2', edited((view) => view.setInt32(0, 540, true))],
  ['big-endian NIfTI-2', 'NF_NIFTI_VERSION_2', edited((view) => view.setInt32(0, 540, false))],
  ['no dimensions', 'NF_NIFTI_DIMENSIONS', int16(40, 0)],
  ['8 dimensions', 'NF_NIFTI_DIMENSIONS', int16(40, 8)],
  ['300 dimensions', 'NF_NIFTI_DIMENSIONS', int16(40, 300)],
  ['-1 dimensions', 'NF_NIFTI_DIMENSIONS', int16(40, -1)],
  ['a dimension of 0', 'NF_NIFTI_DIMENSIONS', int16(44, 0)],
  ['a negative dimension', 'NF_NIFTI_DIMENSIONS', int16(42, -5)],
  ['32767^3 voxels', 'NF_NIFTI_TOO_LARGE', cube(32767)],
  ['RGB', 'NF_NIFTI_DATATYPE', typed(128, 24)],
  ['RGBA', 'NF_NIFTI_DATATYPE', typed(2304, 32)],
  ['complex numbers', 'NF_NIFTI_DATATYPE', typed(32, 64)],
  ['a datatype of 9999', 'NF_NIFTI_DATATYPE', typed(9999, 16)],
  ['uint8 of 64 bits', 'NF_NIFTI_BITPIX', typed(2, 64)],
  ['an offset of 0', 'NF_NIFTI_OFFSET', float32(108, 0)],
  ['an offset of -100', 'NF_NIFTI_OFFSET', float32(108, -100)],
  ['an offset inside the header', 'NF_NIFTI_OFFSET', float32(108, 300)],
  ['an offset of 1e12', 'NF_NIFTI_OFFSET', float32(108, 1e12)],
  ['an offset behind the end', 'NF_NIFTI_OFFSET', float32(108, 4000)],
  ['an offset of NaN', 'NF_NIFTI_OFFSET', float32(108, Number.NaN)],
  ['a broken offset', 'NF_NIFTI_OFFSET', float32(108, 352.5)],
  ['an infinite slope', 'NF_NIFTI_SCALING', float32(112, Number.POSITIVE_INFINITY)],
  ['an intercept of NaN', 'NF_NIFTI_SCALING', float32(116, Number.NaN)],
  ['an sform with NaN', 'NF_NIFTI_AFFINE', float32(280, Number.NaN)],
  ['an infinite origin', 'NF_NIFTI_AFFINE', float32(292, Number.POSITIVE_INFINITY)],
  ['a singular sform', 'NF_NIFTI_AFFINE', float32(280, 0)],
  [
    'an sform with two parallel axes',
    'NF_NIFTI_AFFINE',
    edited((view) => {
      for (const [to, value] of [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0].entries()) {
        view.setFloat32(280 + 4 * to, value, true);
      }
    }),
  ],
  [
    'a quaternion of NaN without sform',
    'NF_NIFTI_AFFINE',
    edited((view) => {
      view.setInt16(254, 0, true);
      view.setFloat32(256, Number.NaN, true);
    }),
  ],
  [
    'no form and a voxel size of 0',
    'NF_NIFTI_AFFINE',
    edited((view, bytes) => {
      noForms(view, bytes);
      view.setFloat32(80, 0, true);
    }),
  ],
  [
    'no form and a negative voxel size',
    'NF_NIFTI_AFFINE',
    edited((view, bytes) => {
      noForms(view, bytes);
      view.setFloat32(84, -2, true);
    }),
  ],
  ['an extension of size 0', 'NF_NIFTI_EXTENSION', withExtension(0)],
  ['an extension of negative size', 'NF_NIFTI_EXTENSION', withExtension(-16)],
  ['an extension of huge size', 'NF_NIFTI_EXTENSION', withExtension(2 ** 30)],
  ['an extension of odd size', 'NF_NIFTI_EXTENSION', withExtension(24)],
  ['data one byte short', 'NF_NIFTI_DATA_SHORT', IMAGE.subarray(0, IMAGE.length - 1)],
  ['data one byte long', 'NF_NIFTI_DATA_LONG', concat(IMAGE, new Uint8Array(1))],
];

export const NOT_FINITE = encodeNifti({
  shape: SHAPE,
  data: Float32Array.from({ length: 24 }, (_, at) => (at === 7 ? Number.NaN : at === 9 ? 1 / 0 : at)),
  affine: centredAffine(SHAPE, [1, 1, 1]),
});

export const packed = gzipSync(IMAGE);
const flipped = (fromEnd: number) =>
  packed.map((byte, at) => (at === packed.length - fromEnd ? byte ^ 1 : byte));
/** What can be wrong with a gzip around it. */
export const GZIP_FAULTS: readonly Spoilt[] = [
  ['plain NIfTI', 'NF_NIFTI_NOT_GZIP', IMAGE],
  ['zlib instead of gzip', 'NF_NIFTI_NOT_GZIP', deflateSync(IMAGE)],
  ['gzip in gzip', 'NF_NIFTI_GZIP_NESTED', gzipSync(packed)],
  ['gzip cut in its header', 'NF_NIFTI_GZIP_TRUNCATED', packed.subarray(0, 6)],
  ['gzip cut in its data', 'NF_NIFTI_GZIP_TRUNCATED', packed.subarray(0, packed.length - 20)],
  ['gzip cut in its checksum', 'NF_NIFTI_GZIP_TRUNCATED', packed.subarray(0, packed.length - 5)],
  ['a wrong checksum', 'NF_NIFTI_GZIP_CHECKSUM', flipped(8)],
  ['a wrong length', 'NF_NIFTI_GZIP_CHECKSUM', flipped(2)],
  ['8 junk bytes behind', 'NF_NIFTI_GZIP_TRAILING', concat(packed, new Uint8Array(8).fill(107))],
  ['a zero and junk behind', 'NF_NIFTI_GZIP_TRAILING', concat(packed, Uint8Array.of(0, 0, 7, 0))],
  ['an unknown method', 'NF_NIFTI_GZIP_INVALID', packed.map((byte, at) => (at === 2 ? 7 : byte))],
  ['a second member of other bytes', 'NF_NIFTI_DATA_LONG', concat(packed, gzipSync('more'))],
  ['a bomb', 'NF_NIFTI_DATA_LONG', gzipSync(concat(IMAGE, new Uint8Array(64 * 2 ** 20)))],
  ['short data', 'NF_NIFTI_DATA_SHORT', gzipSync(IMAGE.subarray(0, 360))],
  ['an empty stream', 'NF_NIFTI_HEADER_SHORT', gzipSync('')],
  ['a header that promises a gigabyte', 'NF_NIFTI_DATA_SHORT', gzipSync(cube(640))],
];

/** Voxels of eight bytes in place of two. */
function ofDoubles(): Uint8Array {
  const head = typed(64, 64).subarray(0, 352);
  return concat(head, new Uint8Array(Float64Array.from({ length: 24 }, (_, at) => at).buffer));
}

/** Every field that is read, and the voxels, the other way round. */
function bigEndian(): Uint8Array {
  const bytes = Buffer.from(IMAGE);
  const turn = (from: number, count: number, size: 2 | 4) => {
    const part = bytes.subarray(from, from + count * size);
    if (size === 2) part.swap16();
    else part.swap32();
  };
  turn(0, 1, 4);
  turn(40, 8, 2);
  turn(70, 2, 2);
  turn(76, 11, 4);
  turn(252, 2, 2);
  turn(256, 18, 4);
  turn(352, 24, 2);
  return new Uint8Array(bytes);
}

/** What looks odd and is right. */
export const ODD_BUT_SOUND: readonly (readonly [what: string, name: string, bytes: Uint8Array])[] = [
  ['4-D with one volume', 'nii', int16(40, 4)],
  ['big-endian', 'nii', bigEndian()],
  ['float64', 'nii', ofDoubles()],
  ['a slope of 0', 'nii', float32(112, 0)],
  ['a slope of NaN', 'nii', float32(112, Number.NaN)],
  ['a negative slope', 'nii', float32(112, -2)],
  ['no form at all', 'nii', edited(noForms)],
  ['an sform that is not the qform', 'nii', float32(292, 77)],
  ['a left-handed sform', 'nii', float32(280, 7)],
  ['an oblique sform', 'nii', float32(284, 0.3)],
  [
    'a qfac of 0',
    'nii',
    edited((view) => {
      view.setInt16(254, 0, true);
      view.setFloat32(76, 0, true);
    }),
  ],
  ['a negative voxel size beside an sform', 'nii', float32(80, -1)],
  ['an extension', 'nii', withExtension(32)],
  ['two gzip members', 'nii.gz', concat(gzipSync(IMAGE.subarray(0, 400)), gzipSync(IMAGE.subarray(400)))],
];
