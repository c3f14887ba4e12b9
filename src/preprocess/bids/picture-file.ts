import { createHash } from 'node:crypto';
import { z } from 'zod';
import { makeHeadThumbnail } from '../groups/head-thumbnail.ts';
import { makeThumbnail } from '../groups/thumbnail.ts';
import { type DecodedPicture, decodePicture } from '../image/decode.ts';
import type { GreyImage, GreyPixels } from '../image/grey-image.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import { cutOutHead, findHead } from '../image/head-mask.ts';
import { measureQuality } from '../image/quality.ts';
import { resize } from '../image/resize.ts';
import type { Affine } from '../nifti/affine.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';

/** What is done to every picture of a data set. */
export interface Processing {
  /** Side of the square that pictures are letterboxed to; undefined keeps their size. */
  readonly size: number | undefined;
  readonly headMask: boolean;
}

/** What is known of one source picture once it was read; also a line of the journal. */
export const pictureFactsSchema = z.strictObject({
  pixelSha256: z.string(),
  width: z.int(),
  height: z.int(),
  bits: z.literal([8, 16]),
  colour: z.boolean(),
  orientation: z.int(),
  intensityMean: z.number(),
  intensityP99: z.number(),
  frameMean: z.number(),
  sharpness: z.number(),
  /** Only with a head mask: whether a head was found, its share of the picture, and that of the bright pixels which lie outside. */
  head: z.strictObject({ found: z.boolean(), share: z.number(), lost: z.number() }).optional(),
  /** 64 x 64 grey bytes in base64. */
  thumbnail: z.string(),
  /** The same of the square around the head, as it is stored. */
  headThumbnail: z.string(),
});
export type PictureFacts = z.infer<typeof pictureFactsSchema>;

/** Decodes, measures and processes one picture. @throws PictureError. */
export async function convertPicture(
  bytes: Uint8Array,
  processing: Processing,
): Promise<{ facts: PictureFacts; image: GreyImage }> {
  const picture = await decodePicture(bytes);
  const { image, head } = await processPicture(picture, processing);
  const headThumbnail = Buffer.from(makeHeadThumbnail(image)).toString('base64');
  const thumbnail = Buffer.from(makeThumbnail(picture)).toString('base64');
  const { width, height, bits, colour, orientation } = picture;
  const facts: PictureFacts = {
    pixelSha256: pixelDigest(picture),
    width,
    height,
    bits,
    colour,
    orientation,
    ...measureQuality(picture),
    ...(head && { head }),
    thumbnail,
    headThumbnail,
  };
  return { facts, image };
}

/** The bytes of a .nii.gz. */
export function encodeSlice(image: GreyImage): Promise<Uint8Array> {
  return gzipNifti(encodeNifti(toNifti(image)));
}

async function processPicture(picture: DecodedPicture, { size, headMask }: Processing) {
  let image: GreyImage = picture;
  let head: PictureFacts['head'];
  if (headMask) {
    const found = await findHead(picture);
    head = { found: found.found, share: found.share, lost: found.lost };
    image = cutOutHead(picture, found, HEAD_MARGIN);
  }
  if (size !== undefined) image = await resize(image, { width: size, height: size, fit: 'letterbox' });
  return { image, head };
}

/** Over size, depth and decoded values, so that other containers of the same picture are found. */
function pixelDigest({ width, height, bits, pixels }: DecodedPicture): string {
  return createHash('sha256').update(`${width}x${height}x${bits}\n`).update(pixels).digest('hex');
}

/** One slice; the first row of the picture is its top, and y grows upwards in world space, so that viewers show it upright. */
function toNifti({ width, height, pixels }: GreyImage) {
  const affine: Affine = [
    [1, 0, 0, 0],
    [0, -1, 0, height - 1],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ];
  return { shape: [width, height, 1] as const, data: signed(pixels), affine };
}

/** Readers in the field know few unsigned 16-bit images: those values go to int16 where they fit, else to float32. */
function signed(pixels: GreyPixels): Uint8Array | Int16Array | Float32Array {
  if (pixels instanceof Uint8Array) return pixels;
  return pixels.some((value) => value > 32767) ? Float32Array.from(pixels) : Int16Array.from(pixels);
}
