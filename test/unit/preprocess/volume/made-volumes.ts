import { deflateSync, gzipSync } from 'node:zlib';
import { type Affine, column, type Vector, voxelSize } from '../../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';

/** A volume of int16 voxels. */
export interface MadeVolume {
  readonly shape: readonly [number, number, number];
  readonly data: Int16Array;
  readonly affine: Affine;
}

/** Oblique, left-handed, with another size along each axis: what no reader gets right by chance. */
const TURNED: Affine = [
  [-0.9, 0.2, 0.05, 91],
  [0.15, 1.1, -0.2, -126],
  [-0.04, 0.16, 1.5, -72],
  [0, 0, 0, 1],
];

/** A bright ball of noise in dark air, another one for each seed. */
export function madeVolume(
  seed: number,
  shape: readonly [number, number, number] = [20, 24, 18],
): MadeVolume {
  const random = createRandom('volume', seed);
  const data = new Int16Array(shape[0] * shape[1] * shape[2]);
  for (let at = 0; at < data.length; at++) {
    const [i, j] = [at % shape[0], Math.floor(at / shape[0]) % shape[1]];
    const k = Math.floor(at / (shape[0] * shape[1]));
    const place = [i / shape[0], j / shape[1], k / shape[2]].map((share) => (share - 0.5) / 0.42);
    data[at] =
      Math.hypot(...place) < 1 ? 300 + Math.floor(700 * random.next()) : Math.floor(9 * random.next());
  }
  return { shape, data, affine: TURNED };
}

/** 1 in a small box inside the ball, `value` in a smaller one. */
export function madeMask({ shape, affine }: MadeVolume, value = 1): MadeVolume {
  const data = new Int16Array(shape[0] * shape[1] * shape[2]);
  const set = (i: number, j: number, k: number, to: number) => {
    data[i + shape[0] * (j + shape[1] * k)] = to;
  };
  for (let at = 0; at < 27; at++) set(9 + (at % 3), 11 + (Math.floor(at / 3) % 3), 8 + Math.floor(at / 9), 1);
  set(10, 12, 9, value);
  return { shape, data, affine };
}

export function toNifti({ shape, data, affine }: MadeVolume): Buffer {
  return Buffer.from(encodeNifti({ shape, data, affine }));
}

function littleEndian(data: Int16Array): Buffer {
  return Buffer.from(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

/** The two files of a NIfTI-1 pair. */
export function toPair(volume: MadeVolume): { hdr: Buffer; img: Buffer } {
  const whole = toNifti(volume);
  const hdr = Buffer.from(whole.subarray(0, 348));
  hdr.write('ni1\0', 344, 'latin1');
  hdr.writeFloatLE(0, 108);
  return { hdr, img: Buffer.from(whole.subarray(352)) };
}

/** NIfTI-2 with an sform (https://nifti.nimh.nih.gov/nifti-2). */
export function toNifti2({ shape, data, affine }: MadeVolume): Buffer {
  const head = Buffer.alloc(544);
  head.writeInt32LE(540, 0);
  head.write('n+2\0\r\n\x1a\n', 4, 'latin1');
  head.writeInt16LE(4, 12);
  head.writeInt16LE(16, 14);
  for (const [at, size] of [3, ...shape, 1, 1, 1, 1].entries())
    head.writeBigInt64LE(BigInt(size), 16 + 8 * at);
  for (const [at, size] of [1, ...voxelSize(affine), 1, 1, 1, 1].entries())
    head.writeDoubleLE(size, 104 + 8 * at);
  head.writeBigInt64LE(544n, 168);
  head.writeDoubleLE(1, 176);
  head.writeInt32LE(1, 348);
  for (const [at, value] of [...affine[0], ...affine[1], ...affine[2]].entries()) {
    head.writeDoubleLE(value, 400 + 8 * at);
  }
  head.writeInt32LE(2, 500);
  return Buffer.concat([head, littleEndian(data)]);
}

export function toMgh({ shape, data, affine }: MadeVolume): Buffer {
  const head = Buffer.alloc(284);
  const sizes = voxelSize(affine);
  for (const [at, value] of [1, ...shape, 1, 4].entries()) head.writeInt32BE(value, 4 * at);
  head.writeInt16BE(1, 28);
  const columns = ([0, 1, 2] as const).map((axis) => column(affine, axis));
  const middle = ([0, 1, 2] as const).map((world) =>
    shape.reduce((sum, size, axis) => sum + (columns[axis]?.[world] ?? 0) * (size / 2), affine[world][3]),
  );
  const directions = columns.flatMap((vector, axis) => vector.map((part) => part / (sizes[axis] ?? 1)));
  for (const [at, value] of [...sizes, ...directions, ...middle].entries())
    head.writeFloatBE(value, 30 + 4 * at);
  // FreeSurfer writes the times of the scan behind the voxels.
  return Buffer.concat([head, littleEndian(data).swap16(), Buffer.alloc(20)]);
}

const inLps = ([x, y, z]: Vector): Vector => [-x, -y, z];

export function nrrdHeader(
  { shape, affine }: MadeVolume,
  more: Readonly<Record<string, string>> = {},
): string {
  const vectors = ([0, 1, 2] as const).map((axis) => `(${inLps(column(affine, axis)).join(',')})`);
  const fields = {
    type: 'short',
    dimension: '3',
    space: 'left-posterior-superior',
    sizes: shape.join(' '),
    'space directions': vectors.join(' '),
    kinds: 'domain domain domain',
    endian: 'little',
    encoding: 'raw',
    'space origin': `(${inLps(column(affine, 3)).join(',')})`,
    ...more,
  };
  return `NRRD0004\n# made\n${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('')}`;
}

export function toNrrd(volume: MadeVolume, encoding: 'raw' | 'gzip' = 'gzip'): Buffer {
  const voxels = littleEndian(volume.data);
  const body = encoding === 'gzip' ? gzipSync(voxels) : voxels;
  return Buffer.concat([Buffer.from(`${nrrdHeader(volume, { encoding })}\n`), body]);
}

export function metaHeader(
  { shape, affine }: MadeVolume,
  more: Readonly<Record<string, string>> = {},
): string {
  const sizes = voxelSize(affine);
  const directions = ([0, 1, 2] as const).flatMap((axis) =>
    inLps(column(affine, axis)).map((part) => part / (sizes[axis] ?? 1)),
  );
  const { ElementDataFile = 'LOCAL', ...others } = more;
  const fields = {
    ObjectType: 'Image',
    NDims: '3',
    BinaryData: 'True',
    BinaryDataByteOrderMSB: 'False',
    CompressedData: 'False',
    TransformMatrix: directions.join(' '),
    Offset: inLps(column(affine, 3)).join(' '),
    ElementSpacing: sizes.join(' '),
    DimSize: shape.join(' '),
    ElementType: 'MET_SHORT',
    ...others,
    // The last line of every header.
    ElementDataFile,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}

export function toMetaImage(volume: MadeVolume, isPacked = true): Buffer {
  const voxels = littleEndian(volume.data);
  const header = metaHeader(volume, { CompressedData: isPacked ? 'True' : 'False' });
  return Buffer.concat([Buffer.from(header), isPacked ? deflateSync(voxels) : voxels]);
}

export { littleEndian as voxelBytes };
