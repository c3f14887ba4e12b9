import sharp from 'sharp';
import type { GreyImage } from './grey-image.ts';

interface Size {
  readonly width: number;
  readonly height: number;
  /** `stretch` fills the size, `letterbox` keeps the proportions and pads with zero, centred. */
  readonly fit: 'stretch' | 'letterbox';
}

/**
 * Resizes a whole picture of whole numbers with a triangle kernel, widened when shrinking so that nothing is skipped; no overshoot, so
 * zero stays zero. Beside it stands `picture/resample.ts`, which takes any part of a plane, with voxels of any shape, and keeps fractions:
 * libvips has no such box, and data sets that were prepared with the one would have other bytes with the other.
 */
export async function resize(image: GreyImage, size: Size): Promise<GreyImage> {
  const { width, height, pixels } = image;
  const deep = pixels instanceof Uint16Array;
  const { data } = await sharp(pixels, { raw: { width, height, channels: 1 } })
    .resize(size.width, size.height, {
      fit: size.fit === 'stretch' ? 'fill' : 'contain',
      kernel: 'linear',
      background: '#000',
    })
    .toColourspace(deep ? 'grey16' : 'b-w')
    .raw({ depth: deep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const own = Uint8Array.from(data);
  return { width: size.width, height: size.height, pixels: deep ? new Uint16Array(own.buffer) : own };
}
