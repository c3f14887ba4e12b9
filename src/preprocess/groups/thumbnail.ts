import { fullScale, type GreyImage } from '../image/grey-image.ts';
import { resize } from '../image/resize.ts';

/** Side of the square thumbnails that are compared. */
export const THUMBNAIL_SIDE = 64;

/** 64 x 64 grey values, proportions ignored; 16-bit pictures are stretched to the range of a byte. */
export async function makeThumbnail(image: GreyImage): Promise<Uint8Array> {
  const { pixels } = await resize(image, { width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE, fit: 'stretch' });
  if (pixels instanceof Uint8Array) return pixels;
  const top = Math.max(
    1,
    pixels.reduce((most, value) => Math.max(most, value), 0),
  );
  return Uint8Array.from(pixels, (value) => Math.round((value * 255) / Math.min(top, fullScale(pixels))));
}
