/** Transfer syntaxes that the converter reads, by their short names. */
const READ: ReadonlyMap<string, string> = new Map([
  ['1.2.840.10008.1.2', 'implicit'],
  ['1.2.840.10008.1.2.1', 'explicit'],
  ['1.2.840.10008.1.2.2', 'big-endian'],
  ['1.2.840.10008.1.2.5', 'RLE'],
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

/** For people; of others the UID, which DICOM or a vendor has given to a way of writing, not to a patient. */
export function syntaxName(uid: string): string {
  return READ.get(uid) ?? (/^1\.2\.840\.10008\.[\d.]+$/.test(uid) ? uid : 'private');
}
