import sharp, { type Metadata, type Sharp } from 'sharp';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { withMemory } from '../../runtime/base/threads/memory-share.ts';
import { PictureError } from './fault.ts';
import { type GreyImage, type GreyPixels, samePixels } from './grey-image.ts';
import { sniffFormat } from './sniff.ts';

/** A JPEG or PNG as decoded, upright. */
export interface DecodedPicture extends GreyImage {
  /** 8 or 16 bits a sample in the file. */
  readonly bits: 8 | 16;
  /** The file's channels differ, so grey was computed. */
  readonly colour: boolean;
  /** EXIF orientation that was undone, 1 to 8. */
  readonly orientation: number;
}

/** No slice of an MRI comes near it, and a small file can claim far more. */
const MOST_PIXELS = DATA_LIMITS.picture_pixels.most;
/** Sides beyond this do not fit a NIfTI-1 header. */
const LONGEST_SIDE = 32767;
const SHORTEST_SIDE = 16;

/**
 * Decodes a JPEG or PNG to grey. 16-bit samples stay 16-bit; equal channels are taken as they are, unequal ones
 * are weighed by Rec. 601 with the integer arithmetic of Pillow's mode L; EXIF orientation is undone; colour profiles are not applied.
 * @throws PictureError with the reason.
 */
export async function decodePicture(bytes: Uint8Array): Promise<DecodedPicture> {
  const format = sniffFormat(bytes);
  const options = { limitInputPixels: MOST_PIXELS, ignoreIcc: true };
  try {
    const metadata = await sharp(bytes, options).metadata();
    checkMetadata(metadata, format);
    const { width, height, channels, depth } = metadata;
    const sampleBytes = depth === 'ushort' ? 2 : 1;
    // The decoder's samples, ours, and grey.
    const needed = width * height * (2 * channels + 1) * sampleBytes;
    return await withMemory(needed, () => decodeChecked(sharp(bytes, options), metadata));
  } catch (cause) {
    throw cause instanceof PictureError ? cause : decoderFault(cause as Error);
  }
}

async function decodeChecked(decoder: Sharp, metadata: Metadata): Promise<DecodedPicture> {
  const orientation = metadata.orientation ?? 1;
  const deep = metadata.depth === 'ushort';
  let pipeline = decoder;
  if (orientation !== 1) pipeline = pipeline.autoOrient();
  if (deep) pipeline = pipeline.toColourspace(metadata.space ?? 'grey16');
  const { data, info } = await pipeline
    .raw({ depth: deep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const samples = deep ? shorts(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
  const grey = toGrey(samples, info.channels);
  checkContent(grey.pixels);
  return { width: info.width, height: info.height, bits: deep ? 16 : 8, orientation, ...grey };
}

/** One decoder thread a picture: many pictures at once use the cores better than many threads on one. */
export function prepareDecoder(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}

function checkMetadata(metadata: Metadata, format: string): void {
  const { width, height, space } = metadata;
  if (metadata.format !== format) {
    throw new PictureError('format_not_allowed', `the decoder takes it for ${metadata.format}`);
  }
  if (space === 'cmyk') {
    throw new PictureError('cmyk', 'CMYK has no defined grey; convert the picture to grey first');
  }
  if (Math.max(width, height) > LONGEST_SIDE || width * height > MOST_PIXELS) {
    throw new PictureError('too_large', `${width} x ${height} pixels; at most ${MOST_PIXELS} are read`);
  }
  if (Math.min(width, height) < SHORTEST_SIDE) {
    throw new PictureError('too_small', `${width} x ${height} pixels; each side needs ${SHORTEST_SIDE}`);
  }
}

/** The library answers with a buffer of bytes whose start need not be aligned. */
function shorts(data: Buffer): Uint16Array {
  return new Uint16Array(Uint8Array.from(data).buffer);
}

function toGrey(samples: GreyPixels, channels: number): { pixels: GreyPixels; colour: boolean } {
  if (channels === 2 || channels === 4) checkOpaque(samples, channels);
  if (channels === 1) return { pixels: samples, colour: false };
  const pixels = samePixels(samples, samples.length / channels);
  const equal = takeEqualChannels({ samples, channels, pixels });
  if (!equal) weighChannels({ samples, channels, pixels });
  return { pixels, colour: !equal };
}

interface Channels {
  readonly samples: GreyPixels;
  readonly channels: number;
  /** Filled. */
  readonly pixels: GreyPixels;
}

/** False at the first pixel whose colours differ; grey with alpha has one colour. */
function takeEqualChannels({ samples, channels, pixels }: Channels): boolean {
  const [second, third] = channels === 2 ? [0, 0] : [1, 2];
  for (let at = 0, from = 0; at < pixels.length; at++, from += channels) {
    const first = samples[from] as number;
    if (first !== samples[from + second] || first !== samples[from + third]) return false;
    pixels[at] = first;
  }
  return true;
}

function weighChannels({ samples, channels, pixels }: Channels): void {
  for (let at = 0, from = 0; at < pixels.length; at++, from += channels) {
    const [red = 0, green = 0, blue = 0] = [samples[from], samples[from + 1], samples[from + 2]];
    pixels[at] = (19595 * red + 38470 * green + 7471 * blue + 32768) / 65536;
  }
}

function checkOpaque(samples: GreyPixels, channels: number): void {
  const opaque = samples instanceof Uint16Array ? 65535 : 255;
  for (let at = channels - 1; at < samples.length; at += channels) {
    if (samples[at] !== opaque) throw new PictureError('transparent', 'some pixels are not opaque');
  }
}

function checkContent(pixels: GreyPixels): void {
  if (pixels.every((value) => value === pixels[0])) {
    throw new PictureError('blank', 'all pixels have the same value');
  }
}

function decoderFault(cause: Error): PictureError {
  const detail = (cause.message.split('\n')[0] ?? '').replace(/^Input buffer /, '');
  const code = /pixel limit/i.test(detail) ? 'too_large' : 'undecodable';
  return new PictureError(code, detail === '' ? 'the decoder gave up' : detail, { cause });
}
