import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readVolume, volumeFiles } from '../../../../src/preprocess/volume/read-volume.ts';
import { DATA_LIMITS } from '../../../../src/runtime/base/limits.ts';
import { withMemory } from '../../../../src/runtime/base/threads/memory-share.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { makeFolder } from '../image/made-pictures.ts';
import {
  madeVolume,
  metaHeader,
  nrrdHeader,
  toMetaImage,
  toMgh,
  toNifti,
  toNifti2,
  toNrrd,
  toPair,
  voxelBytes,
} from './made-volumes.ts';

const volume = madeVolume(1);
const code = (name: string) => expect.objectContaining({ code: name });

async function written(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await makeFolder();
  await writeFiles(folder, files);
  return folder;
}

const pair = toPair(volume);

/** A byte order other than that of nearly all machines. */
const swapped = () => voxelBytes(volume.data).swap16();

const FORMATS: readonly (readonly [
  what: string,
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
])[] = [
  ['NIfTI', 'a.nii.gz', { 'a.nii.gz': gzipSync(toNifti(volume)) }],
  ['NIfTI-2', 'a.nii', { 'a.nii': toNifti2(volume) }],
  ['NIfTI-2 with gzip', 'a.nii.gz', { 'a.nii.gz': gzipSync(toNifti2(volume)) }],
  ['a pair by its header', 'a.hdr', { 'a.hdr': pair.hdr, 'a.img': pair.img }],
  ['a pair by its voxels', 'A.IMG', { 'A.HDR': pair.hdr, 'A.IMG': pair.img }],
  ['MGH', 'a.mgh', { 'a.mgh': toMgh(volume) }],
  ['MGZ', 'a.MGZ', { 'a.MGZ': gzipSync(toMgh(volume)) }],
  ['NRRD', 'a.nrrd', { 'a.nrrd': toNrrd(volume, 'raw') }],
  ['NRRD with gzip', 'a.nrrd', { 'a.nrrd': toNrrd(volume) }],
  [
    'NRRD, big-endian',
    'a.nrrd',
    { 'a.nrrd': Buffer.concat([Buffer.from(`${nrrdHeader(volume, { endian: 'big' })}\n`), swapped()]) },
  ],
  [
    'NRRD with voxels beside it, behind bytes to skip',
    'a.nhdr',
    {
      'a.nhdr': nrrdHeader(volume, { 'byte skip': '-1', 'data file': 'a b.raw' }),
      'a b.raw': Buffer.concat([Buffer.from('skipped'), voxelBytes(volume.data)]),
    },
  ],
  [
    'NRRD of one volume in a list',
    'a.nrrd',
    {
      'a.nrrd': Buffer.concat([
        Buffer.from(
          `${nrrdHeader(volume, {
            dimension: '4',
            sizes: `1 ${volume.shape.join(' ')}`,
            'space directions': `none ${/space directions: (.*)/.exec(nrrdHeader(volume))?.[1]}`,
          })}\n`,
        ),
        voxelBytes(volume.data),
      ]),
    },
  ],
  ['MetaImage', 'a.mha', { 'a.mha': toMetaImage(volume, false) }],
  ['MetaImage, packed', 'a.mha', { 'a.mha': toMetaImage(volume) }],
  [
    'MetaImage with voxels beside it, big-endian',
    'a.mhd',
    {
      'a.mhd': metaHeader(volume, { BinaryDataByteOrderMSB: 'True', ElementDataFile: 'a.raw' }),
      'a.raw': swapped(),
    },
  ],
];

describe('readVolume', () => {
  it.each(FORMATS)('reads %s: every voxel in its place', async (_, name, files) => {
    const folder = await written(files);
    const read = await readVolume(join(folder, name));
    expect(read.shape).toEqual(volume.shape);
    expect([...read.data]).toEqual([...volume.data]);
    for (const [row, values] of volume.affine.entries()) {
      for (const [at, value] of values.entries()) expect(read.affine[row]?.[at]).toBeCloseTo(value, 3);
    }
    expect((await volumeFiles(join(folder, name))).sort()).toEqual(
      Object.keys(files)
        .map((file) => join(folder, file))
        .sort(),
    );
  });

  it('without a position takes a FreeSurfer volume for coronal', async () => {
    const mgh = toMgh(volume);
    mgh.writeInt16BE(0, 28);
    const folder = await written({ 'a.mgh': mgh });
    const [i, j, k] = volume.shape;
    const { affine } = await readVolume(join(folder, 'a.mgh'));
    expect(affine.slice(0, 3)).toEqual([
      [-1, 0, 0, i / 2],
      [0, 0, 1, -k / 2],
      [0, -1, 0, j / 2],
    ]);
  });
});

/** A header with one line exchanged, before voxels that fit the sound one. */
const nrrd = (more: Readonly<Record<string, string>>) => ({
  'a.nrrd': Buffer.concat([Buffer.from(`${nrrdHeader(volume, more)}\n`), voxelBytes(volume.data)]),
});
const meta = (more: Readonly<Record<string, string>>) => ({
  'a.mha': Buffer.concat([Buffer.from(metaHeader(volume, more)), voxelBytes(volume.data)]),
});
const mgh = (edit: (bytes: Buffer) => void) => {
  const bytes = toMgh(volume);
  edit(bytes);
  return { 'a.mgh': bytes };
};
const edited = (whole: Buffer, edit: (bytes: Buffer) => void) => {
  const bytes = Buffer.from(whole);
  edit(bytes);
  return bytes;
};
const cut = (bytes: Buffer, by: number) => bytes.subarray(0, bytes.length - by);

const BAD: readonly (readonly [
  what: string,
  code: string,
  files: Readonly<Record<string, Uint8Array | string>>,
])[] = [
  ['a header without voxels', 'NF_NIFTI_PAIR', { 'a.hdr': pair.hdr }],
  ['a pair with too few voxels', 'NF_NIFTI_DATA_SHORT', { 'a.hdr': pair.hdr, 'a.img': cut(pair.img, 2) }],
  [
    'a pair with too many voxels',
    'NF_NIFTI_DATA_LONG',
    { 'a.hdr': pair.hdr, 'a.img': Buffer.concat([pair.img, pair.img]) },
  ],
  [
    'a pair that begins behind its end',
    'NF_NIFTI_OFFSET',
    { 'a.hdr': edited(pair.hdr, (bytes) => bytes.writeFloatLE(1e8, 108)), 'a.img': pair.img },
  ],
  [
    'a pair whose header is cut off',
    'NF_NIFTI_HEADER_SHORT',
    { 'a.hdr': pair.hdr.subarray(0, 200), 'a.img': pair.img },
  ],
  [
    'Analyze',
    'NF_NIFTI_ANALYZE',
    { 'a.hdr': edited(pair.hdr, (bytes) => bytes.fill(0, 344)), 'a.img': pair.img },
  ],
  [
    'half of a pair called .nii',
    'NF_NIFTI_PAIR',
    { 'a.nii': Buffer.concat([pair.hdr, Buffer.alloc(4), pair.img]) },
  ],
  ['a NIfTI-2 that is cut off', 'NF_NIFTI_DATA_SHORT', { 'a.nii': cut(toNifti2(volume), 8) }],
  [
    'a NIfTI-2 with text for a magic',
    'NF_NIFTI_MAGIC',
    { 'a.nii': edited(toNifti2(volume), (bytes) => bytes.write('n+2\n', 4)) },
  ],
  [
    'a NIfTI-2 that promises too much',
    'NF_NIFTI_TOO_LARGE',
    { 'a.nii': edited(toNifti2(volume), (bytes) => bytes.writeBigInt64LE(2n ** 40n, 24)) },
  ],
  [
    'a NIfTI-2 with a negative side',
    'NF_NIFTI_DIMENSIONS',
    { 'a.nii': edited(toNifti2(volume), (bytes) => bytes.writeBigInt64LE(-4n, 24)) },
  ],
  ['an MGH header that is cut off', 'NF_VOLUME_HEADER', { 'a.mgh': toMgh(volume).subarray(0, 100) }],
  ['an MGH of another version', 'NF_VOLUME_HEADER', mgh((bytes) => bytes.writeInt32BE(2, 0))],
  ['an MGH of no voxels', 'NF_VOLUME_HEADER', mgh((bytes) => bytes.writeInt32BE(0, 4))],
  [
    'an MGH that promises too much',
    'NF_VOLUME_TOO_LARGE',
    mgh((bytes) => [4, 8, 12].map((at) => bytes.writeInt32BE(9999, at))),
  ],
  ['an MGH series', 'NF_VOLUME_SERIES', mgh((bytes) => bytes.writeInt32BE(2, 16))],
  ['an MGH of tensors', 'NF_VOLUME_UNSUPPORTED', mgh((bytes) => bytes.writeInt32BE(6, 20))],
  ['an MGH without directions', 'NF_VOLUME_HEADER', mgh((bytes) => bytes.fill(0, 42, 78))],
  ['an MGH with too few voxels', 'NF_VOLUME_DATA', { 'a.mgh': toMgh(volume).subarray(0, 2000) }],
  ['an MGZ that is cut off', 'NF_VOLUME_DATA', { 'a.mgz': cut(gzipSync(toMgh(volume)), 900) }],
  [
    'an MGZ with a bomb',
    'NF_VOLUME_DATA',
    { 'a.mgz': gzipSync(Buffer.concat([toMgh(volume), Buffer.alloc(2 ** 26)])) },
  ],
  ['no NRRD', 'NF_VOLUME_HEADER', { 'a.nrrd': 'text\n\n' }],
  ['an NRRD line without a colon', 'NF_VOLUME_HEADER', { 'a.nrrd': 'NRRD0004\ntype short\n\n' }],
  ['an NRRD of blocks', 'NF_VOLUME_UNSUPPORTED', nrrd({ type: 'block' })],
  ['an NRRD as text', 'NF_VOLUME_UNSUPPORTED', nrrd({ encoding: 'ascii' })],
  ['an NRRD with bzip2', 'NF_VOLUME_UNSUPPORTED', nrrd({ encoding: 'bzip2' })],
  ['an NRRD in a list of files', 'NF_VOLUME_UNSUPPORTED', nrrd({ 'data file': 'LIST' })],
  ['an NRRD without space', 'NF_VOLUME_ORIENTATION', nrrd({ space: 'scanner-xyz' })],
  ['an NRRD in metres', 'NF_VOLUME_HEADER', nrrd({ 'space units': '"m" "m" "m"' })],
  ['an NRRD with sizes that are no numbers', 'NF_VOLUME_HEADER', nrrd({ sizes: '20 x 18' })],
  ['an NRRD with two sizes', 'NF_VOLUME_HEADER', nrrd({ sizes: '20 24' })],
  ['an NRRD that promises too much', 'NF_VOLUME_TOO_LARGE', nrrd({ sizes: '9000 9000 9000' })],
  [
    'an NRRD with flat directions',
    'NF_VOLUME_HEADER',
    nrrd({ 'space directions': '(1,0,0) (1,0,0) (0,0,1)' }),
  ],
  ['an NRRD without byte order', 'NF_VOLUME_HEADER', nrrd({ endian: 'middle' })],
  ['an NRRD with too many voxels', 'NF_VOLUME_DATA', nrrd({ sizes: '20 24 17' })],
  ['an NRRD with too few voxels', 'NF_VOLUME_DATA', nrrd({ sizes: '20 24 19' })],
  ['an NRRD that is cut off', 'NF_VOLUME_DATA', { 'a.nrrd': cut(toNrrd(volume), 500) }],
  [
    'an NRRD header without voxels',
    'NF_VOLUME_DATA_FILE',
    { 'a.nhdr': nrrdHeader(volume, { 'data file': 'gone.raw' }) },
  ],
  [
    'an NRRD header that leads out',
    'NF_VOLUME_HEADER',
    { 'a.nhdr': nrrdHeader(volume, { 'data file': '../a.raw' }) },
  ],
  ['a MetaImage of another type', 'NF_VOLUME_UNSUPPORTED', meta({ ElementType: 'MET_LONG' })],
  ['a MetaImage of colours', 'NF_VOLUME_UNSUPPORTED', meta({ ElementNumberOfChannels: '3' })],
  ['a MetaImage as text', 'NF_VOLUME_UNSUPPORTED', meta({ BinaryData: 'False' })],
  ['a MetaImage in a list of files', 'NF_VOLUME_UNSUPPORTED', meta({ ElementDataFile: 'LIST' })],
  ['a MetaImage of two axes', 'NF_VOLUME_HEADER', meta({ NDims: '2', DimSize: '20 24' })],
  ['a MetaImage that promises too much', 'NF_VOLUME_TOO_LARGE', meta({ DimSize: '9000 9000 9000' })],
  ['a MetaImage with negative sizes', 'NF_VOLUME_HEADER', meta({ DimSize: '20 24 -18' })],
  ['a MetaImage without grid', 'NF_VOLUME_HEADER', meta({ ElementSpacing: '0 0 0' })],
  [
    'a MetaImage with a line of noise',
    'NF_VOLUME_HEADER',
    { 'a.mha': 'ObjectType Image\nElementDataFile = LOCAL\n' },
  ],
  ['a MetaImage with too few voxels', 'NF_VOLUME_DATA', meta({ DimSize: '20 24 19' })],
  ['a MetaImage that was damaged', 'NF_VOLUME_DATA', meta({ CompressedData: 'True' })],
  [
    'a MetaImage whose line is blanks without end',
    'NF_VOLUME_UNSUPPORTED',
    {
      'a.mha': `Comment =${'\t'.repeat(400_000)}=${'\t'.repeat(400_000)}\rx\nElementDataFile = LOCAL\n`,
    },
  ],
  [
    'an NRRD whose directions only begin',
    'NF_VOLUME_HEADER',
    nrrd({ 'space directions': '('.repeat(1_000_000) }),
  ],
  ['an NRRD of axes without end', 'NF_VOLUME_SERIES', nrrd(manyAxes(60_000))],
  [
    'a MetaImage header without voxels',
    'NF_VOLUME_DATA_FILE',
    { 'a.mhd': metaHeader(volume, { ElementDataFile: 'gone.raw' }) },
  ],
  [
    'a MetaImage header whose file has a name that no file has',
    'NF_VOLUME_HEADER',
    { 'a.mhd': metaHeader(volume, { ElementDataFile: 'a\0.raw' }) },
  ],
  ['an NRRD header whose file has such a name', 'NF_VOLUME_HEADER', nrrd({ 'data file': 'a\0.raw' })],
  [
    'a MetaImage header that leads out',
    'NF_VOLUME_HEADER',
    { 'a.mhd': metaHeader(volume, { ElementDataFile: '/etc/passwd' }) },
  ],
];

/** Of two voxels along each, without directions behind the third. */
function manyAxes(count: number): Record<string, string> {
  const none = Array.from({ length: count - 3 }, () => 'none').join(' ');
  return {
    dimension: String(count),
    sizes: Array.from({ length: count }, () => 2).join(' '),
    'space directions': `(1,0,0) (0,1,0) (0,0,1) ${none}`,
  };
}

describe('readVolume refuses', () => {
  it.each(BAD)('%s', async (_, name, files) => {
    const folder = await written(files);
    const path = join(folder, Object.keys(files)[0] ?? '');
    const failed = readVolume(path);
    await expect(failed).rejects.toThrow(code(name));
    expect(await failed.catch((error) => [error.exitCode, error.place.file])).toEqual([
      4,
      name === 'NF_NIFTI_PAIR' ? path.replace('.hdr', '.img') : path,
    ]);
  });

  it('nothing that is large, but waits until others have read theirs', async () => {
    const folder = await written({ 'a.mgh': toMgh(volume) });
    // FreeSurfer's tags may follow the voxels.
    await truncate(join(folder, 'a.mgh'), 2 ** 26 + 1);
    const order: string[] = [];
    const others = withMemory(DATA_LIMITS.decoded_bytes.most, async () => {
      await setTimeout(1000);
      order.push('others');
    });
    await readVolume(join(folder, 'a.mgh'));
    order.push('this one');
    await others;
    expect(order).toEqual(['others', 'this one']);
  });

  it('NaN, with its place', async () => {
    const header = nrrdHeader(volume, { type: 'float', sizes: '4 4 4' });
    const voxels = new Float32Array(64).fill(1);
    voxels[7] = Number.NaN;
    const folder = await written({
      'a.nrrd': Buffer.concat([Buffer.from(`${header}\n`), Buffer.from(voxels.buffer)]),
    });
    await expect(readVolume(join(folder, 'a.nrrd'))).rejects.toThrow(/first at position 7/);
  });
});
