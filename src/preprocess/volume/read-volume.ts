import { basename, dirname, join, resolve } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readStart } from '../../runtime/base/files/read-file.ts';
import type { SourceVolume } from '../bids/examination.ts';
import { millimetres } from '../nifti/header.ts';
import { readPair } from '../nifti/pair.ts';
import { type NiftiImage, readNifti } from '../nifti/read.ts';
import { withBytes } from '../nifti/with-bytes.ts';
import { HEADER_BYTES } from './header-text.ts';
import { type DetachedVolume, parseMetaImage } from './metaimage.ts';
import { parseMgh } from './mgh.ts';
import { parseNrrd } from './nrrd.ts';
import { checkSizes, decodeVoxels, headerFault, storedBytes } from './stored-volume.ts';

export type VolumeFormat = 'NIfTI' | 'NIfTI pair' | 'MGH' | 'NRRD' | 'MetaImage';

const FORMATS: readonly (readonly [ending: RegExp, format: VolumeFormat])[] = [
  [/\.nii(\.gz)?$/i, 'NIfTI'],
  [/\.(hdr|img)$/i, 'NIfTI pair'],
  [/\.(mgh|mgz)$/i, 'MGH'],
  [/\.(nrrd|nhdr)$/i, 'NRRD'],
  [/\.(mha|mhd)$/i, 'MetaImage'],
];

/** What a file is by its name; undefined for what is no volume. */
export function volumeFormat(path: string): VolumeFormat | undefined {
  return FORMATS.find(([ending]) => ending.test(path))?.[1];
}

/**
 * The files of a volume: the one that is named, and the other half of a pair, or the voxels of a detached header.
 * @throws NF_VOLUME_* for a header that does not say where its voxels are
 */
export async function volumeFiles(path: string): Promise<string[]> {
  const format = volumeFormat(path);
  if (format === 'NIfTI pair') return halvesOf(path);
  if (format !== 'NRRD' && format !== 'MetaImage') return [path];
  // Whatever the ending says: a header may name a file of voxels, and voxels may follow it.
  const { dataFile } = await readDetached(path);
  return dataFile === undefined ? [path] : [path, besideHeader(path, dataFile)];
}

/**
 * One volume in millimetres, whatever its format. Nothing in the file is trusted: sizes, types and grid are checked before a voxel is read, and
 * memory is bounded by them.
 * @throws NF_PATH_MISSING, NF_NIFTI_*, NF_VOLUME_*
 */
export async function readVolume(path: string): Promise<SourceVolume> {
  switch (volumeFormat(path)) {
    case 'NIfTI':
      return fromNifti(await readNifti(path), path);
    case 'NIfTI pair': {
      const [header, voxels] = halvesOf(path);
      return fromNifti(await readPair(header, voxels), header);
    }
    case 'MGH':
      return withBytes(path, async (bytes, isAlone) => {
        const stored = await parseMgh(bytes, path);
        const data = await decodeVoxels(bytes, stored, { file: path, isAlone });
        return { shape: stored.shape, affine: stored.affine, data };
      });
    case 'NRRD':
    case 'MetaImage':
      return fromDetached(path);
    case undefined:
      throw flError('NF_VOLUME_FORMAT', { file: path }, { place: { file: path } });
  }
}

function fromNifti(image: NiftiImage, path: string): SourceVolume {
  // A single slice may have two axes.
  const [x = 1, y = 1, z = 1, ...more] = image.shape;
  const shape = checkSizes([x, y, z, ...more], path);
  return { shape, data: image.data, affine: millimetres(image), hasSureAxes: image.hasSureAxes };
}

async function fromDetached(path: string): Promise<SourceVolume> {
  const header = await readDetached(path);
  const { dataFile, dataStart, shape, affine } = header;
  const file = dataFile === undefined ? path : besideHeader(path, dataFile);
  return withBytes(file, async (all, isAlone) => {
    const start = dataStart === -1 ? all.length - storedBytes(header) : dataStart;
    const voxels = all.subarray(Math.max(0, start));
    return { shape, affine, data: await decodeVoxels(voxels, header, { file, isAlone }) };
  }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_VOLUME_DATA_FILE', { file: path }, { place: { file: path }, cause });
  });
}

/** A header of text, of which no more is read than a header has. */
async function readDetached(path: string): Promise<DetachedVolume> {
  const bytes = await readStart(path, HEADER_BYTES);
  return volumeFormat(path) === 'NRRD' ? parseNrrd(bytes, path) : parseMetaImage(bytes, path);
}

/** @throws NF_VOLUME_HEADER for a name that leads out of the header's folder */
function besideHeader(path: string, name: string): string {
  const folder = resolve(dirname(path));
  const file = resolve(folder, name);
  if (dirname(file) !== folder || basename(file) !== name || /\p{Cc}/u.test(name)) {
    throw headerFault(path, 'a voxel file that does not lie beside it');
  }
  return join(dirname(path), name);
}

/** Header and voxels, whichever of them is named; both endings are written alike. */
function halvesOf(path: string): [header: string, voxels: string] {
  const stem = path.slice(0, -'.hdr'.length);
  return path.endsWith(path.slice(stem.length).toUpperCase())
    ? [`${stem}.HDR`, `${stem}.IMG`]
    : [`${stem}.hdr`, `${stem}.img`];
}
