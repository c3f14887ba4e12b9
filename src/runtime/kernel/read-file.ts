import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { flError } from './errors.ts';

/** Should a pipe take a file's place between two looks, the open does not wait for somebody who writes. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

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

/** All bytes of a file that a user names. @throws as `openInput` */
export async function readInput(path: string): Promise<Buffer> {
  const file = await openInput(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Its text, UTF-8. @throws as `openInput` */
export async function readInputText(path: string): Promise<string> {
  return (await readInput(path)).toString('utf8');
}

function notRegular(path: string) {
  const reason = 'it is a pipe, a socket or a device, not a regular file';
  return flError('NF_PATH_UNUSABLE', { action: 'read', path, reason }, { place: { file: path } });
}
