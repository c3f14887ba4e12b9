import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { NO_LINK, NO_WAIT } from '../base/files/open-flags.ts';
import { fillFrom } from '../base/files/read-file.ts';

/** What a submitted job may name with a key whose value is a path. */
export type SubmittedPath =
  /** A file of its bundle. */
  | 'bundle'
  /** A file of its bundle, or a model that was uploaded with the job and takes the place of what is written. */
  | 'bundle or upload'
  /** Nothing that is ever opened: a site puts its own folder there. */
  | 'site';

/** Every key of job.yaml whose value is a path. */
export const JOB_PATHS = {
  'data.root': 'site',
  'data.split': 'site',
  'executor.train_script': 'bundle',
  'model.import': 'bundle or upload',
  'model.initial_params': 'bundle or upload',
} as const satisfies Record<string, SubmittedPath>;

export type JobPathKey = keyof typeof JOB_PATHS;

/** Where the files that a job names may lie, and how much may be read of them. */
export interface FileRules {
  /** The folder that no path leaves, by a link either; undefined for a job of this machine, whose paths are its user's. */
  readonly within?: string | undefined;
  /** Bytes of a file, and of a model that is made. */
  readonly mostBytes: number;
}

/** For jobs of this machine's own user: what the machine can hold. */
export const LOCAL_FILES: FileRules = { mostBytes: totalmem() };

/** Does not wait for the writer of a pipe; follows no link at the end of a path where that is not allowed. */
const OPEN_FLAGS = constants.O_RDONLY | NO_WAIT;

/**
 * The bytes of a file that a job names: the one way to any of them, whatever key or file names it.
 * @throws NF_JOB_DATA if it is not there, NF_JOB_PATH if it is no regular file, lies outside, or is too large
 */
export async function readJobFile(
  path: string,
  { what, key }: { what: string; key?: JobPathKey | undefined },
  rules: FileRules,
): Promise<Uint8Array> {
  const place = key ? { key } : { file: shownInside(path, rules) };
  const refused = (reason: string, cause?: unknown) =>
    flError('NF_JOB_PATH', { what, path: shownInside(path, rules), reason }, { place, cause });
  const file = await openFile(path, rules).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')
      throw flError('NF_JOB_DATA', { what, path: shownInside(path, rules) }, { place, cause });
    throw refused(OPEN_REASONS[cause.code ?? ''] ?? `it cannot be opened (${cause.code})`, cause);
  });
  if (typeof file === 'string') throw refused(file);
  try {
    const { size } = await file.stat();
    if (size > rules.mostBytes)
      throw refused(`it has ${size} bytes, and ${Math.floor(rules.mostBytes)} are the most`);
    return await readAll(file, size);
  } finally {
    await file.close();
  }
}

const OPEN_REASONS: Readonly<Record<string, string>> = {
  ELOOP: 'it is a symbolic link',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ENXIO: 'it is not a regular file',
  ENAMETOOLONG: 'the name is too long',
};

/** Open, and known to be a regular file; a string says why not. */
async function openFile(path: string, { within }: FileRules): Promise<FileHandle | string> {
  if (within !== undefined && !(await isInside(path, within))) return "it lies outside the job's folder";
  // Before it is opened: to open some devices does something.
  const found = await (within === undefined ? stat(path) : lstat(path));
  if (found.isSymbolicLink()) return 'it is a symbolic link';
  if (!found.isFile()) return found.isDirectory() ? 'it is a folder' : 'it is not a regular file';
  const file = await open(path, within === undefined ? OPEN_FLAGS : OPEN_FLAGS | NO_LINK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return 'it is not a regular file';
}

/** Whether the folder a file lies in is `within` or below it, when links are followed. */
async function isInside(path: string, within: string): Promise<boolean> {
  const root = await realpath(within);
  const place = relative(root, join(await realpath(dirname(path)), basename(path)));
  return place !== '' && place !== '..' && !place.startsWith(`..${sep}`) && !isAbsolute(place);
}

/** As it may be shown to others: from the job's folder where it lies in it, else by its name alone. */
function shownInside(path: string, { within }: FileRules): string {
  if (within === undefined) return path;
  const place = relative(within, path);
  return place.startsWith('..') || isAbsolute(place) ? basename(path) : place.split(sep).join('/');
}

/** As many bytes as it had when it was looked at, or an error: a file that grows has no end. */
async function readAll(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  await fillFrom(file, 0, bytes);
  return bytes;
}
