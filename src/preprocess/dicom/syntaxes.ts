/** Transfer syntaxes that are told apart here (PS3.6, A). */
export const SYNTAX = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  big: '1.2.840.10008.1.2.2',
  rle: '1.2.840.10008.1.2.5',
} as const;

/** Transfer syntaxes that are read, by their short names. */
const READ: ReadonlyMap<string, string> = new Map([
  [SYNTAX.implicit, 'implicit'],
  [SYNTAX.explicit, 'explicit'],
  [SYNTAX.deflated, 'deflated'],
  [SYNTAX.big, 'big-endian'],
  [SYNTAX.rle, 'RLE'],
  ['1.2.840.10008.1.2.4.50', 'JPEG'],
  ['1.2.840.10008.1.2.4.57', 'JPEG lossless'],
  ['1.2.840.10008.1.2.4.70', 'JPEG lossless'],
  ['1.2.840.10008.1.2.4.80', 'JPEG-LS'],
  ['1.2.840.10008.1.2.4.81', 'JPEG-LS'],
  ['1.2.840.10008.1.2.4.90', 'JPEG 2000'],
  ['1.2.840.10008.1.2.4.91', 'JPEG 2000'],
]);

export function isReadSyntax(uid: string): boolean {
  return READ.has(uid);
}

/**
 * Whether several frames of one file are read. Of JPEG 2000, JPEG-LS and JPEG dcm2niix takes the first frame again, or bytes of another place, and says
 * nothing of it.
 */
export function readsFrames(uid: string): boolean {
  return !/^1\.2\.840\.10008\.1\.2\.4\.(?!57$|70$)/.test(uid);
}

/** For people; of others the UID, which DICOM or a vendor has given to a way of writing, not to a patient. */
export function syntaxName(uid: string): string {
  return READ.get(uid) ?? (/^1\.2\.840\.10008\.[\d.]+$/.test(uid) ? uid : 'private');
}
