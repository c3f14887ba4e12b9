import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EarlySync } from './early-sync.ts';

const TEMPORARY = /\.\d+-[0-9a-f]{8}\.tmp$/;

/**
 * Writes a file so that a crash at any moment leaves the old one or the new one, never a part:
 * temporary name, fsync, rename, fsync of the folder. The folder is made if missing.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  options: FileOptions = {},
): Promise<void> {
  const write = async (file: FileHandle) => {
    await file.writeFile(content);
  };
  await writeAtomic(path, write, options);
}

/** Permission bits of a new file, set before its first byte; the default is the system's. */
export interface FileOptions {
  readonly mode?: number;
}

/** As `writeFileAtomic`, for content that is written piece by piece. */
export async function writeAtomic(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { mode }: FileOptions = {},
): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    await write(file);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw withPath(error, path);
  }
  await syncFolder(dirname(path));
}

/** Bytes written while they are hashed. */
const PART = 4 * 1024 * 1024;

/** As `writeFileAtomic`; returns the SHA-256 of the content, which is hashed while the system writes it. */
export async function writeFileHashed(path: string, content: Uint8Array): Promise<string> {
  return writeHashed(path, async (append) => {
    for (let start = 0; start < content.length; start += PART)
      await append(content.subarray(start, start + PART));
  });
}

/** As `writeFileHashed`, for content that is made part by part. */
export async function writeHashed(
  path: string,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  await writeAtomic(path, async (file) => {
    const early = new EarlySync(file);
    await write(async (bytes) => {
      const written = appendAll(file, bytes);
      hash.update(bytes);
      await written;
      early.grown(bytes.length);
    });
    await early.end();
  });
  return hash.digest('hex');
}

/** A full disk may take a part of the bytes before it refuses the rest. */
export async function appendAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
}

/**
 * A folder and its parents; returns the first one that was made. For `mkdir` of Node.js with `recursive`, which asks without end where
 * the system says that a folder cannot be, although its parent is there: under /proc, under roots that are mounted on demand.
 */
export async function makeFolder(path: string, options: FileOptions = {}): Promise<string | undefined> {
  const once = await make(path, options);
  if (once === 'there') return undefined;
  if (once === 'made') return path;
  const first = await makeFolder(dirname(path), options);
  const outcome = await make(path, options);
  if (typeof outcome !== 'string') throw outcome.error;
  return first ?? (outcome === 'made' ? path : undefined);
}

/** `error`: the parent is missing, as far as can be told. */
async function make(
  path: string,
  options: FileOptions,
): Promise<'made' | 'there' | { readonly error: NodeJS.ErrnoException }> {
  try {
    await mkdir(path, options);
    return 'made';
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException;
    if (error.code === 'ENOENT' && dirname(path) !== path) return { error };
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return 'there';
    throw error;
  }
}

/** As `writeFile` of Node.js, whose error for want of space names no path. `exclusive`: fails if the file exists. */
export async function putFile(
  path: string,
  content: Uint8Array | string,
  { exclusive = false } = {},
): Promise<void> {
  await writeFile(path, content, { flag: exclusive ? 'wx' : 'w' }).catch((error: unknown) => {
    throw withPath(error, path);
  });
}

/**
 * Puts a small file in the place of an older one, so that a process that dies at any moment leaves one or the other. Not synced: it must
 * outlive the process, not the machine.
 */
export function replaceFileSync(path: string, content: string, { mode }: FileOptions = {}): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content, { flag: 'wx', ...(mode !== undefined && { mode }) });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw withPath(error, path);
  }
}

/** Node.js names no path where it writes to a file that is open; whoever wrote knows it. */
export function withPath(error: unknown, path: string): unknown {
  const isNameless = error instanceof Error && 'syscall' in error && !('path' in error);
  return isNameless ? Object.assign(error, { path }) : error;
}

/** A copy of a file, as durable as `writeFileAtomic` makes it. */
export async function copyFileAtomic(from: string, to: string): Promise<void> {
  await writeAtomic(to, (file) => file.writeFile(createReadStream(from)));
}

/** Whether a path is one that a writer has not finished, or never will. */
export function isTemporary(path: string): boolean {
  return TEMPORARY.test(path);
}

/** Removes what writers that were cut short have left below a folder, `kept` folders apart. */
export async function removeTemporaries(folder: string, kept: readonly string[] = []): Promise<void> {
  const except = new Set(kept.map((path) => join(folder, path)));
  for (const path of await temporariesIn(folder, except)) await rm(path, { force: true });
}

/** Folders that are left out are not looked into, either: scripts write there, and may have closed them. */
async function temporariesIn(folder: string, except: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (except.has(path)) continue;
    if (entry.isDirectory()) found.push(...(await temporariesIn(path, except)));
    else if (isTemporary(path)) found.push(path);
  }
  return found;
}

/** Makes what was written into a file durable; a file that is not there is made. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * As `syncFile`, for a file that is given up where that fails: the system forgets which bytes it could not store, and the next sync
 * would say that all is well.
 */
export async function syncOrDiscard(path: string): Promise<void> {
  try {
    await syncFile(path);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Makes renames and new names in a folder durable; a system that cannot open folders (Windows) needs no such step. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
