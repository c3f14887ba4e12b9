import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { flError } from '../errors/errors.ts';
import { DATA_LIMITS } from '../limits.ts';
import { counted } from '../text/counted.ts';
import { NO_WAIT } from './open-flags.ts';

/** Should a pipe take a file's place between two looks, the open does not wait for somebody who writes. */
const FLAGS = constants.O_RDONLY | NO_WAIT;

/**
 * Opens a file that a user names, or that lies in a folder of theirs. A pipe waits for somebody who writes and a device has no end, neither
 * lets a process end meanwhile, and to open some devices does something: such are refused before they are opened.
 * @throws NF_PATH_UNUSABLE for what is no regular file, else the system's error
 */
export async function openInput(path: string): Promise<FileHandle> {
  // What cannot be looked at cannot be opened: the open says why.
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isFile() && !found.isDirectory()) throw notRegular(path);
  const file = await open(path, FLAGS);
  try {
    const opened = await file.stat();
    if (!opened.isFile() && !opened.isDirectory()) throw notRegular(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What fits in one array of bytes everywhere. */
const MOST_BYTES = 2 ** 31 - 1;
/** One call of the system reads no more. */
const MOST_AT_ONCE = 2 ** 30;

const { table_bytes: TABLE, picture_bytes: PICTURE, image_bytes: IMAGE } = DATA_LIMITS;
/** How much is read of a file, by what its name says it is. */
const MOST_BY_KIND: readonly (readonly [name: RegExp, most: number])[] = [
  [/\.(tsv|csv|json|txt|ya?ml)$/i, TABLE.most],
  [/\.(jpe?g|png)$/i, PICTURE.most],
  [/\.nii(\.gz)?$/i, IMAGE.most],
];

function mostOf(path: string): number {
  return MOST_BY_KIND.find(([name]) => name.test(path))?.[1] ?? MOST_BYTES;
}

/**
 * All bytes of a file that a user names.
 * @param most bytes; what is more is not read. By default as many as a file of its kind may have: docs/limits.md
 * @throws as `openInput` and `readWhole`
 */
export async function readInput(path: string, most: number = mostOf(path)): Promise<Buffer> {
  const file = await openInput(path);
  try {
    return await readWhole(file, { path, most });
  } finally {
    await file.close();
  }
}

/** The first bytes of a file, fewer where it has no more. @throws as `openInput` */
export async function readStart(path: string, count: number): Promise<Buffer> {
  const file = await openInput(path);
  try {
    const start = Buffer.alloc(Math.min(count, (await file.stat()).size));
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Its text, UTF-8: tables, sidecars, lists and records. @throws as `readInput` */
export async function readInputText(path: string): Promise<string> {
  return (await readInput(path, DATA_LIMITS.table_bytes.most)).toString('utf8');
}

/**
 * As many bytes as a file had when it was looked at: one that grows has no end.
 * @throws NF_INPUT_LARGE; the system's error for a folder
 */
export async function readWhole(
  file: FileHandle,
  { path, most }: { path: string; most: number },
): Promise<Buffer> {
  const found = await file.stat();
  // The system says what it is.
  if (found.isDirectory()) return file.readFile();
  if (found.size > most)
    throw flError('NF_INPUT_LARGE', { path, bytes: found.size, most }, { place: { file: path } });
  const bytes = Buffer.allocUnsafeSlow(found.size);
  let filled = 0;
  while (filled < bytes.length) {
    const part = Math.min(bytes.length - filled, MOST_AT_ONCE);
    const { bytesRead } = await file.read(bytes, filled, part, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Fills `target` with the bytes of a file from `position` on. @throws where the file ends before */
export async function fillFrom(file: FileHandle, position: number, target: Uint8Array): Promise<void> {
  for (let filled = 0; filled < target.length; ) {
    const part = Math.min(target.length - filled, MOST_AT_ONCE);
    const { bytesRead } = await file.read(target, filled, part, position + filled);
    if (bytesRead === 0) throw new Error(`The file ended ${counted(target.length - filled, 'byte')} early.`);
    filled += bytesRead;
  }
}

function notRegular(path: string) {
  const reason = 'it is a pipe, a socket or a device, not a regular file';
  return flError('NF_PATH_UNUSABLE', { action: 'read', path, reason }, { place: { file: path } });
}
