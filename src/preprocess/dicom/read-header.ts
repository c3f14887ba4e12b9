import type { FileHandle } from 'node:fs/promises';
import { openInput } from '../../runtime/base/files/read-file.ts';
import { inflated, isDeflated } from './deflated.ts';
import { type DicomHeader, parseHeader } from './header.ts';
import { SYNTAX } from './syntaxes.ts';

/** Why a file of the folder is no image that can be looked at. */
export const NO_IMAGE = ['other', 'unreadable', 'damaged', 'directory', 'header_too_large'] as const;
export type NoImage = (typeof NO_IMAGE)[number];

export type FileLook =
  | { readonly header: DicomHeader; readonly size: number }
  | { readonly reason: NoImage; readonly listed?: readonly string[] };

/** Most headers are shorter; of those that are not, four times as much is read, until they end. */
const FIRST_BYTES = 2 ** 16;
const MOST_BYTES = 2 ** 26;
const DIRECTORY = '1.2.840.10008.1.3.10';

/** The header of a file, of which only the bytes before the pixels are read. A file that cannot be used has a reason, never an error. */
export async function lookAt(path: string): Promise<FileLook> {
  const file = await openInput(path).catch(() => undefined);
  if (!file) return { reason: 'unreadable' };
  try {
    const { size } = await file.stat();
    return await readGrowing(file, size);
  } catch {
    return { reason: 'unreadable' };
  } finally {
    await file.close();
  }
}

async function readGrowing(file: FileHandle, size: number): Promise<FileLook> {
  for (let wanted = FIRST_BYTES; ; wanted *= 4) {
    const bytes = new Uint8Array(Math.min(wanted, size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const look = parsed(bytes.subarray(0, bytesRead), size);
    if (look) return look;
    if (wanted >= MOST_BYTES) return { reason: 'header_too_large' };
  }
}

/** Undefined where more bytes are needed. */
function parsed(bytes: Uint8Array, size: number): FileLook | undefined {
  const isWhole = bytes.length >= size;
  if (isDeflated(bytes)) return isWhole ? unpacked(bytes) : undefined;
  const header = tryParse(bytes);
  if (header === 'not_dicom') return { reason: 'other' };
  // What has no pixels ends where the file ends.
  if (header === 'broken' || (!header.pixels && !isWhole)) return isWhole ? { reason: 'damaged' } : undefined;
  if (header.text('0002,0002') === DIRECTORY || header.has('0004,1220'))
    return { reason: 'directory', listed: filesOf(header) };
  return { header, size };
}

/** A file that is compressed as a whole is looked at as a whole. */
function unpacked(bytes: Uint8Array): FileLook {
  try {
    const plain = inflated(bytes);
    const header = parseHeader(plain);
    if (!header) return { reason: 'damaged' };
    return { header: { ...header, syntax: SYNTAX.deflated }, size: plain.length };
  } catch {
    return { reason: 'damaged' };
  }
}

function tryParse(bytes: Uint8Array): DicomHeader | 'not_dicom' | 'broken' {
  try {
    return parseHeader(bytes) ?? 'not_dicom';
  } catch {
    return 'broken';
  }
}

/** The files that a DICOMDIR lists, as paths below its own folder. */
function filesOf(directory: DicomHeader): string[] {
  return directory
    .items('0004,1220')
    .map((record) => record.texts('0004,1500').join('/'))
    .filter((path) => path !== '');
}
