import { absentText, pointerOf } from '../content/absent.ts';
import { foreignFormat } from '../content/foreign.ts';
import { PictureError } from './fault.ts';

export type PictureFormat = 'jpeg' | 'png';

/**
 * What the content says, whatever the file's name ends in. Only JPEG and PNG are handed to the decoder at all.
 * @throws PictureError empty_file, content_absent, format_not_allowed, not_an_image, animated.
 */
export function sniffFormat(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0) throw new PictureError('empty_file', 'the file has no bytes');
  const store = pointerOf(bytes);
  if (store) throw new PictureError('content_absent', absentText(store));
  const format = foreignFormat(bytes)?.name;
  if (format === 'a JPEG image') return 'jpeg';
  if (format === 'a PNG image') {
    if (isAnimatedPng(bytes)) throw new PictureError('animated', 'a PNG with several frames');
    return 'png';
  }
  if (format) throw new PictureError('format_not_allowed', `${format}; only JPEG and PNG are read`);
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
