/** A kind of file that is often found where an image should be. */
export interface Format {
  /** As in `it is a GIF image`. */
  readonly name: string;
  readonly kind: 'picture' | 'dicom' | 'archive' | 'text' | 'image';
}

/** By the first bytes. */
const FORMATS: readonly (readonly [magic: RegExp, name: string, kind: Format['kind']])[] = [
  [/^\xff\xd8\xff/, 'a JPEG image', 'picture'],
  [/^\x89PNG\r\n\x1a\n/, 'a PNG image', 'picture'],
  [/^GIF8/, 'a GIF image', 'picture'],
  [/^RIFF[\s\S]{4}WEBP/, 'a WebP image', 'picture'],
  [/^(II\*\0|MM\0\*)/, 'a TIFF image', 'picture'],
  [/^BM/, 'a BMP image', 'picture'],
  [/^\s*(<\?xml[\s\S]*?)?<svg/, 'an SVG drawing', 'picture'],
  [/^[\s\S]{128}DICM/, 'a DICOM file', 'dicom'],
  [/^%PDF/, 'a PDF file', 'text'],
  [/^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)\b/i, 'a web page', 'text'],
  [/^(\xef\xbb\xbf)?\s*<\?xml/, 'an XML file', 'text'],
  [/^\x1f\x8b/, 'a gzip file', 'archive'],
  [/^PK\x03\x04/, 'a zip archive', 'archive'],
  [/^BZh[1-9]/, 'a bzip2 file', 'archive'],
  [/^\xfd7zXZ\0/, 'an xz file', 'archive'],
  [/^\x28\xb5\x2f\xfd/, 'a zstd file', 'archive'],
  [/^7z\xbc\xaf\x27\x1c/, 'a 7-zip archive', 'archive'],
  [/^[\s\S]{257}ustar/, 'a tar archive', 'archive'],
  [/^\x89HDF\r\n\x1a\n/, 'an HDF5 or MINC file', 'image'],
  [/^CDF[\x01\x02]/, 'a NetCDF or MINC file', 'image'],
];

/** What the content is by its first bytes, whatever the file's name ends in; undefined for what is none of the known. */
export function foreignFormat(bytes: Uint8Array): Format | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512)).toString('latin1');
  const found = FORMATS.find(([magic]) => magic.test(head));
  return found && { name: found[1], kind: found[2] };
}
