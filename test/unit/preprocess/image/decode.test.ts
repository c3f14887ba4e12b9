import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../../../src/preprocess/image/decode.ts';
import type { PictureError } from '../../../../src/preprocess/image/fault.ts';
import { asAnimated, encoder, headPicture, toPng } from './made-pictures.ts';

const head = headPicture(1);
const rgb = (pixels: Uint8Array) =>
  Uint8Array.from({ length: pixels.length * 3 }, (_, at) => pixels[Math.floor(at / 3)] ?? 0);
const raw3 = (pixels: Uint8Array) =>
  sharp(pixels, { raw: { width: head.width, height: head.height, channels: 3 } });

async function codeOf(bytes: Uint8Array | Promise<Uint8Array>): Promise<string> {
  const decoded = decodePicture(await bytes);
  return decoded.then(
    () => 'decoded',
    (error: PictureError) => error.code,
  );
}

describe('decodePicture', () => {
  it('gives the pixels of a grey PNG', async () => {
    const picture = await decodePicture(await toPng(head));
    expect(picture).toEqual({ ...head, bits: 8, colour: false, orientation: 1 });
  });

  it('takes equal channels as they are', async () => {
    const png = await raw3(rgb(head.pixels as Uint8Array))
      .png()
      .toBuffer();
    const picture = await decodePicture(png);
    expect(picture.colour).toBe(false);
    expect(picture.pixels).toEqual(head.pixels);
  });

  it('weighs unequal channels by Rec. 601, as Pillow does', async () => {
    const pixels = rgb(head.pixels as Uint8Array);
    pixels.set([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 200, 77]);
    const picture = await decodePicture(await raw3(pixels).png().toBuffer());
    expect(picture.colour).toBe(true);
    expect([...picture.pixels.slice(0, 4)]).toEqual([76, 150, 29, 129]);
  });

  it('reads palettes and opaque alpha', async () => {
    const palette = await encoder(head).png({ palette: true }).toBuffer();
    expect((await decodePicture(palette)).width).toBe(head.width);
    const alpha = await raw3(rgb(head.pixels as Uint8Array))
      .ensureAlpha()
      .png()
      .toBuffer();
    expect((await decodePicture(alpha)).pixels).toEqual(head.pixels);
  });

  it('reads 16 bits as 16 bits', async () => {
    const pixels = Uint16Array.from(head.pixels, (value, at) => value * 200 + (at % 7));
    const png = await encoder({ ...head, pixels })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const picture = await decodePicture(png);
    expect(picture.bits).toBe(16);
    expect(picture.pixels).toEqual(pixels);
  });

  it('undoes EXIF orientation and says so', async () => {
    const turned = await encoder(head).rotate(90).withMetadata({ orientation: 8 }).png().toBuffer();
    const picture = await decodePicture(turned);
    expect(picture.orientation).toBe(8);
    expect([picture.width, picture.height]).toEqual([head.width, head.height]);
    expect(picture.pixels).toEqual(head.pixels);
  });

  it('reads progressive JPEG close to its source', async () => {
    const jpeg = await encoder(head).jpeg({ progressive: true, quality: 100 }).toBuffer();
    const picture = await decodePicture(jpeg);
    expect(Math.abs((picture.pixels[1400] ?? 0) - (head.pixels[1400] ?? 0))).toBeLessThan(4);
  });
});

describe('decodePicture refuses', () => {
  it('nothing, text, and other formats whatever they are called', async () => {
    expect(await codeOf(new Uint8Array())).toBe('empty_file');
    expect(await codeOf(Buffer.from('hello'))).toBe('not_an_image');
    expect(await codeOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toBe('format_not_allowed');
    expect(await codeOf(encoder(head).gif().toBuffer())).toBe('format_not_allowed');
    expect(await codeOf(encoder(head).webp().toBuffer())).toBe('format_not_allowed');
    expect(await codeOf(encoder(head).tiff().toBuffer())).toBe('format_not_allowed');
  });

  it('a file that was cut', async () => {
    const jpeg = await encoder(headPicture(1, 200, 200))
      .jpeg()
      .toBuffer();
    const png = await toPng(headPicture(1, 200, 200));
    expect(await codeOf(jpeg.subarray(0, jpeg.length >> 1))).toBe('undecodable');
    expect(await codeOf(png.subarray(0, png.length >> 1))).toBe('undecodable');
    expect(await codeOf(jpeg.subarray(0, 3))).toBe('undecodable');
  });

  it('CMYK, transparency and animation', async () => {
    expect(await codeOf(encoder(head).toColourspace('cmyk').jpeg().toBuffer())).toBe('cmyk');
    expect(await codeOf(encoder(head).ensureAlpha(0.5).png().toBuffer())).toBe('transparent');
    expect(await codeOf(asAnimated(await toPng(head)))).toBe('animated');
  });

  it('pictures too small, too long or without content', async () => {
    expect(await codeOf(toPng(headPicture(1, 15, 40)))).toBe('too_small');
    const blank = { width: 20, height: 20, pixels: new Uint8Array(400).fill(9) };
    expect(await codeOf(toPng(blank))).toBe('blank');
    const long = { width: 40000, height: 16, pixels: new Uint8Array(640000).fill(1).fill(2, 9) };
    expect(await codeOf(toPng(long))).toBe('too_large');
  });

  it('a header that claims a giant picture, without making room for it', async () => {
    const png = Buffer.from(await toPng(head));
    png.writeUInt32BE(60000, 16);
    png.writeUInt32BE(60000, 20);
    expect(['too_large', 'undecodable']).toContain(await codeOf(png));
  });
});
