import sharp from 'sharp';

/** A colour picture, three bytes a pixel, row by row from the top left. */
export interface ColourImage {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export async function encodePng({ width, height, rgb }: ColourImage): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}
