import { gunzipSync } from 'node:zlib';
import { flError } from '../../../runtime/base/errors/errors.ts';
import type { Identifiers } from '../identifiers.ts';
import type { MadeImage } from './volumes.ts';

/** A text of an output that is not neuroflare's own, and where it stands. */
export interface OutputText {
  readonly file: string;
  readonly key: string;
  readonly text: string;
}

/** What sidecars say in words that no closed list holds. */
export function sidecarTexts(images: readonly MadeImage[]): OutputText[] {
  return images.flatMap(({ path, sidecar }) =>
    sidecar.texts.map(({ key, text }) => ({ file: `${path}.json`, key, text })),
  );
}

/** @throws NF_DICOM_IDENTIFIER, which names the file, the key and the DICOM element, never the text */
export function checkTexts(texts: readonly OutputText[], identifiers: Identifiers): void {
  for (const { file, key, text } of texts) {
    const tag = identifiers.tagIn(text);
    if (tag !== undefined) throw flError('NF_DICOM_IDENTIFIER', { file, key, tag }, { place: { file, key } });
  }
}

const HEADER = 352;
/** Bits of a gzip header that announce a name, a comment or extra bytes (RFC 1952, 2.3.1). */
const GZIP_TEXTS = 0x1c;

/** The header of an image as it was written holds no letters but its magic, and its gzip no name. @throws NF_DICOM_IDENTIFIER */
export function checkImageBytes(file: string, bytes: Uint8Array): void {
  const bad = (key: string) =>
    flError('NF_DICOM_IDENTIFIER', { file, key, tag: 'free text' }, { place: { file, key } });
  if (((bytes[3] ?? 0) & GZIP_TEXTS) !== 0) throw bad('gzip header');
  const header = gunzipSync(bytes.subarray(0, 4096), { finishFlush: 2 }).subarray(0, HEADER);
  const texts = [
    header.subarray(4, 32),
    header.subarray(148, 252),
    header.subarray(328, 344),
    header.subarray(348),
  ];
  if (texts.some((text) => text.some((byte) => byte !== 0))) throw bad('NIfTI header');
}
