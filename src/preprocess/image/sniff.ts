import { PictureError } from './fault.ts';

export type PictureFormat = 'jpeg' | 'png';

/** First bytes of what is often found among pictures; `*` stands for any byte. */
const OTHER_FORMATS: readonly (readonly [string, RegExp])[] = [
  ['a GIF image', /^GIF8/],
  ['a WebP image', /^RIFF[\s\S]{4}WEBP/],
  ['a TIFF image', /^(II\*\0|MM\0\*)/],
  ['a BMP image', /^BM/],
  ['an SVG drawing', /^\s*(<\?xml[\s\S]*?)?<svg/],
  ['a DICOM file', /^[\s\S]{128}DICM/],
  ['a gzip file', /^\x1f\x8b/],
  ['a PDF file', /^%PDF/],
];

/**
 * What the content says, whatever the file's name ends in. Only JPEG and PNG are handed to the decoder at all.
 * @throws PictureError empty_file, format_not_allowed, not_an_image, animated.
 */
export function sniffFormat(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0) throw new PictureError('empty_file', 'the file has no bytes');
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512)).toString('latin1');
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) {
    if (isAnimatedPng(bytes)) throw new PictureError('animated', 'a PNG with several frames');
    return 'png';
  }
  const other = OTHER_FORMATS.find(([, magic]) => magic.test(head))?.[0];
  if (other) throw new PictureError('format_not_allowed', `${other}; only JPEG and PNG are read`);
  throw new PictureError('not_an_image', 'neither JPEG nor PNG by its content');
}

/** An animation has an `acTL` chunk before the first `IDAT` (PNG specification, third edition, 4.9). */
function isAnimatedPng(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === 'acTL') return true;
    if (type === 'IDAT') return false;
  }
  return false;
}
