import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { centredAffine } from '../../../../src/preprocess/nifti/affine.ts';
import { decodeNifti, readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { NeuroflareError } from '../../../../src/runtime/kernel/errors.ts';

const SHAPE = [4, 3, 2] as const;
const IMAGE = encodeNifti({
  shape: SHAPE,
  data: Int16Array.from({ length: 24 }, (_, at) => at - 5),
  affine: centredAffine(SHAPE, [1, 2, 3]),
});

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

const FAULTS: [what: string, code: string, bytes: Uint8Array][] = [
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

const NOT_FINITE = encodeNifti({
  shape: SHAPE,
  data: Float32Array.from({ length: 24 }, (_, at) => (at === 7 ? Number.NaN : at === 9 ? 1 / 0 : at)),
  affine: centredAffine(SHAPE, [1, 1, 1]),
});

const packed = gzipSync(IMAGE);
const flipped = (fromEnd: number) =>
  packed.map((byte, at) => (at === packed.length - fromEnd ? byte ^ 1 : byte));
const GZIP_FAULTS: [what: string, code: string, bytes: Uint8Array][] = [
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

describe('a faulty NIfTI file', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nifti-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function codeOf(file: string, bytes: Uint8Array): Promise<string> {
    const error = await decodeNifti(bytes, file).catch((thrown: unknown) => thrown);
    if (!(error instanceof NeuroflareError)) return `no catalogue error: ${String(error)}`;
    expect(error.place?.file).toBe(file);
    expect(error.message).toContain(file);
    expect(error.exitCode).toBe(4);
    return error.code;
  }

  it.each(FAULTS)('with %s is refused: %s', async (_, code, bytes) => {
    expect(await codeOf('a.nii', bytes)).toBe(code);
    if (bytes.length > 0)
      expect(await codeOf('a.nii.gz', gzipSync(bytes))).toBe(code.replace('_EMPTY', '_SHORT'));
  });

  it.each(GZIP_FAULTS)('of %s is refused: %s', async (_, code, bytes) => {
    expect(await codeOf('a.nii.gz', bytes)).toBe(code);
  });

  it('of gzip under a plain name is refused', async () => {
    expect(await codeOf('a.nii', packed)).toBe('NF_NIFTI_UNEXPECTED_GZIP');
  });

  it('with NaN or infinite voxels is refused, with their number and the first place', async () => {
    const error = await decodeNifti(NOT_FINITE, 'a.nii').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'NF_NIFTI_NOT_FINITE' });
    expect((error as Error).message).toContain('2 voxels');
    expect((error as Error).message).toContain('index 7');
  });

  it('that is missing or a folder is refused', async () => {
    await expect(readNifti(join(folder, 'none.nii'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
    await expect(readNifti(folder)).rejects.toMatchObject({ code: 'NF_NIFTI_NOT_A_FILE' });
    await writeFile(join(folder, 'empty.nii.gz'), '');
    await expect(readNifti(join(folder, 'empty.nii.gz'))).rejects.toMatchObject({ code: 'NF_NIFTI_EMPTY' });
  });
});
