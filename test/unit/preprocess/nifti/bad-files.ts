import { deflateSync, gzipSync } from 'node:zlib';
import { centredAffine } from '../../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';

const SHAPE = [4, 3, 2] as const;
export const IMAGE = encodeNifti({
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
/** 32 bytes, of which `size` says something else; all but the size are `fill`. */
const withExtension = (size: number, fill = 0) => {
  const head = edited((view) => {
    view.setFloat32(108, 384, true);
    view.setUint8(348, 1);
  }).subarray(0, 352);
  const extension = new Uint8Array(32).fill(fill);
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
  ['the size of NIfTI-2 alone', 'NF_NIFTI_HEADER_SHORT', edited((view) => view.setInt32(0, 540, true))],
  [
    'the size of big-endian NIfTI-2 alone',
    'NF_NIFTI_HEADER_SHORT',
    edited((view) => view.setInt32(0, 540, false)),
  ],
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
  ['an offset of 348', 'NF_NIFTI_OFFSET', float32(108, 348)],
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
    'no form and a voxel size of NaN',
    'NF_NIFTI_AFFINE',
    edited((view, bytes) => {
      noForms(view, bytes);
      view.setFloat32(80, Number.NaN, true);
    }),
  ],
  ['an extension of size 0', 'NF_NIFTI_EXTENSION', withExtension(0, 7)],
  ['an extension of size 4', 'NF_NIFTI_EXTENSION', withExtension(4, 7)],
  ['an extension of negative size', 'NF_NIFTI_EXTENSION', withExtension(-16)],
  ['an extension of huge size', 'NF_NIFTI_EXTENSION', withExtension(2 ** 30)],
  ['an extension that leaves no room for the next', 'NF_NIFTI_EXTENSION', withExtension(28, 7)],
  ['data one byte short', 'NF_NIFTI_DATA_SHORT', IMAGE.subarray(0, IMAGE.length - 1)],
  ['data one byte long', 'NF_NIFTI_DATA_LONG', concat(IMAGE, new Uint8Array(1))],
];

/** Finite float64 values that float32 does not hold. */
export const TOO_LARGE = ofDoubles((at) => (at === 7 ? 1e300 : at === 9 ? -1e39 : at));

export const NOT_FINITE = encodeNifti({
  shape: SHAPE,
  data: Float32Array.from({ length: 24 }, (_, at) => (at === 7 ? Number.NaN : at === 9 ? 1 / 0 : at)),
  affine: centredAffine(SHAPE, [1, 1, 1]),
});

export const packed = gzipSync(IMAGE);
const flipped = (fromEnd: number) =>
  packed.map((byte, at) => (at === packed.length - fromEnd ? byte ^ 1 : byte));
/** Of which there is nothing but the header: 640^3 voxels of two bytes. */
export const GIGABYTE = cube(640);
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
  ['a header that promises a gigabyte', 'NF_NIFTI_DATA_SHORT', gzipSync(GIGABYTE)],
];

/** Voxels of eight bytes in place of two. */
function ofDoubles(value: (at: number) => number): Uint8Array {
  const head = typed(64, 64).subarray(0, 352);
  return concat(head, new Uint8Array(Float64Array.from({ length: 24 }, (_, at) => value(at)).buffer));
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

/** The qform alone. */
const noSform: Edit = (view) => view.setInt16(254, 0, true);
const qformOnly = (at: number, value: number) =>
  edited((view, bytes) => {
    noSform(view, bytes);
    view.setFloat32(at, value, true);
  });

/** What looks odd and is read; what `preprocess check` warns of. */
export const ODD_BUT_READ: readonly (readonly [
  what: string,
  name: string,
  bytes: Uint8Array,
  warning?: string,
])[] = [
  ['4-D with one volume', 'nii', int16(40, 4)],
  ['big-endian', 'nii', bigEndian()],
  ['float64', 'nii', ofDoubles((at) => at)],
  ['a slope of 0', 'nii', float32(112, 0)],
  ['a slope of NaN', 'nii', float32(112, Number.NaN)],
  ['a negative slope', 'nii', float32(112, -2)],
  ['no form at all', 'nii', edited(noForms), 'NF_CHECK_NO_FORM'],
  ['an sform a voxel away from the qform', 'nii', float32(292, 0.5)],
  ['an sform far away from the qform', 'nii', float32(292, 77), 'NF_CHECK_FORMS'],
  [
    'an sform of a template far away from the qform',
    'nii',
    edited((view) => {
      view.setInt16(254, 4, true);
      view.setFloat32(292, 77, true);
    }),
  ],
  ['an sform that exchanges left and right of the qform', 'nii', float32(280, -1), 'NF_CHECK_FORMS'],
  [
    'a template sform that exchanges left and right',
    'nii',
    edited((view) => {
      view.setInt16(254, 4, true);
      view.setFloat32(280, -1, true);
    }),
    'NF_CHECK_FORMS',
  ],
  [
    'an sform of other voxel sizes, and no qform',
    'nii',
    edited((view) => {
      view.setInt16(252, 0, true);
      view.setFloat32(88, 0.6, true);
    }),
    'NF_CHECK_FORMS',
  ],
  ['an sform beside a qform of NaN', 'nii', float32(256, Number.NaN), 'NF_CHECK_FORMS'],
  ['a quaternion of length 2', 'nii', qformOnly(256, 2), 'NF_CHECK_QUATERNION'],
  ['a quaternion a little over 1', 'nii', qformOnly(256, 1.0002)],
  ['a negative voxel size and a qform', 'nii', qformOnly(84, -2), 'NF_CHECK_VOXEL_SIZE'],
  ['a voxel size of 0 and a qform', 'nii', qformOnly(88, 0), 'NF_CHECK_VOXEL_SIZE'],
  ['an offset of 0', 'nii', float32(108, 0), 'NF_CHECK_OFFSET'],
  ['an extension of odd size with zeros behind', 'nii', withExtension(24), 'NF_CHECK_EXTENSION'],
  ['zeros in place of an extension', 'nii', withExtension(0), 'NF_CHECK_EXTENSION'],
  ['an sform of larger voxels', 'nii', float32(280, 7), 'NF_CHECK_FORMS'],
  ['an oblique sform', 'nii', float32(284, 0.1)],
  [
    'a qfac of 0',
    'nii',
    edited((view) => {
      view.setInt16(254, 0, true);
      view.setFloat32(76, 0, true);
    }),
  ],
  ['a negative voxel size beside an sform', 'nii', float32(80, -1), 'NF_CHECK_VOXEL_SIZE'],
  ['an extension', 'nii', withExtension(32)],
  ['two gzip members', 'nii.gz', concat(gzipSync(IMAGE.subarray(0, 400)), gzipSync(IMAGE.subarray(400)))],
];
