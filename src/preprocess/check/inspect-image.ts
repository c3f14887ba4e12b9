import { createHash } from 'node:crypto';
import { openInput } from '../../runtime/base/files/read-file.ts';
import { bytesOf } from '../../runtime/base/tensors/nd-array.ts';
import { makeThumbnail } from '../groups/thumbnail.ts';
import { measureQuality, type Quality } from '../image/quality.ts';
import { voxelSize } from '../nifti/affine.ts';
import type { NiftiImage } from '../nifti/read.ts';
import { type ReadAs, readNiftiAs, volumesOf } from '../nifti/series.ts';
import { uprightOf } from '../picture/axial-slices.ts';
import { montageOf } from '../picture/montage.ts';
import { picturesOf } from '../picture/pictures.ts';
import type { Grid } from '../volume/grid.ts';
import { type Finding, type FindingPlace, finding, findingOf } from './finding.ts';
import type { TreeImage } from './inspect-tree.ts';

/** What is known of one readable image. */
export interface ImageFacts {
  readonly participant: string;
  readonly path: string;
  /** Path of the first image of its example, and its place there, from 0. */
  readonly example: string;
  readonly channel: number;
  /** Where its voxels lie, turned upright. */
  readonly grid: Grid;
  readonly shape: readonly number[];
  readonly voxel: readonly number[];
  /** Over shape and stored values: equal for copies. */
  readonly voxelSha256: string;
  /** 64 x 64 grey bytes of the middle slice. */
  readonly thumbnail: Uint8Array;
  /** The same as 96 x 96 bytes, for the frame control. */
  readonly stretched: Uint8Array;
  /** What a network would be given, of `InspectOptions.side`; a volume's slices side by side. */
  readonly picture: Uint8Array;
  /** Of the middle slice, in 8 bits. */
  readonly quality: Quality;
}

/** How an image is read, and what picture is made of it. */
export interface InspectOptions extends ReadAs {
  readonly side: number;
  /** Axial slices of a volume. */
  readonly slices: number;
}

export interface InspectedImage {
  readonly facts: ImageFacts | undefined;
  readonly findings: readonly Finding[];
}

/** Of its frame 4 pixels are looked at. */
const STRETCHED_SIDE = 96;
/** gzip's flag for a stored name, and where flag and time stand (RFC 1952, 2.3). */
const NAME_FLAG = 8;
const FLAGS_AT = 3;
const TIME_AT = 4;

/** Reads an image whole, as training would, and tells everything that is wrong with it. */
export async function inspectImage(from: TreeImage, options: InspectOptions): Promise<InspectedImage> {
  const { path, participant } = from;
  const place = { file: path, participant };
  const findings: Finding[] = [];
  try {
    findings.push(...(await inspectGzip(path, place)));
    const image = await readNiftiAs(path, options);
    findings.push(...image.oddities.map(({ code, params }) => finding('warning', code, { params, place })));
    if (image.units === 'unknown') findings.push(finding('warning', 'NF_CHECK_UNITS', { place }));
    if (volumesOf(image) > 1) {
      const params = { shape: image.shape.join(' x ') };
      return {
        facts: undefined,
        findings: [...findings, finding('error', 'NF_CHECK_TIME', { params, place })],
      };
    }
    const slice = middleSlice(image);
    if (!slice)
      return { facts: undefined, findings: [...findings, finding('error', 'NF_CHECK_BLANK', { place })] };
    return { facts: describe({ image, slice, from, options }), findings };
  } catch (thrown) {
    return { facts: undefined, findings: [...findings, findingOf(thrown, place)] };
  }
}

async function inspectGzip(path: string, place: FindingPlace): Promise<Finding[]> {
  if (!path.endsWith('.gz')) return [];
  const file = await openInput(path);
  const head = new Uint8Array(10);
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const named = ((head[FLAGS_AT] ?? 0) & NAME_FLAG) !== 0;
  const timed = head.subarray(TIME_AT, TIME_AT + 4).some((byte) => byte !== 0);
  const what = [named && 'a file name', timed && 'a time'].filter(Boolean).join(' and ');
  return isGzip && what !== ''
    ? [finding('warning', 'NF_CHECK_GZIP_HEADER', { params: { what }, place })]
    : [];
}

/** The middle of the third axis in 8 bits, from the least value to the 99.5th percentile; undefined where all is one value. */
function middleSlice({ shape, data }: NiftiImage) {
  const [width = 1, height = 1, depth = 1] = shape;
  const area = width * height;
  const start = Math.floor(depth / 2) * area;
  const values = data.subarray(start, start + area);
  const sorted = values.slice().sort();
  const low = data.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const most = data.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (most <= low) return undefined;
  const high = sorted[Math.floor(0.995 * (area - 1))] ?? most;
  const top = high > low ? high : most;
  const pixels = Uint8Array.from(values, (value) =>
    Math.min(255, Math.round((255 * (value - low)) / (top - low))),
  );
  return { width, height, pixels };
}

function describe(what: {
  image: NiftiImage;
  slice: { width: number; height: number; pixels: Uint8Array };
  from: TreeImage;
  options: InspectOptions;
}): ImageFacts {
  const { image, slice, from, options } = what;
  const { path } = from;
  const { data, shape, affine } = image;
  const { shape: upright, affine: turned } = uprightOf({ shape, affine, data: new Float32Array() });
  const pictures = picturesOf(image, path, { ...options, imageSize: options.side, layout: 'montage' });
  return {
    ...from,
    grid: { shape: upright, affine: turned },
    shape,
    voxel: voxelSize(affine),
    voxelSha256: createHash('sha256')
      .update(`${shape.join('x')}\n`)
      .update(bytesOf(data))
      .digest('hex'),
    thumbnail: makeThumbnail(slice),
    stretched: makeThumbnail(slice, STRETCHED_SIDE),
    picture: montageOf(pictures, options.side),
    quality: measureQuality(slice),
  };
}
