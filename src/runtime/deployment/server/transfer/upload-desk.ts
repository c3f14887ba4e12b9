import { createHash, type Hash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hashFile } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import { Appender } from '../../../base/files/appender.ts';
import { makeFolder, syncOrDiscard, writeFileAtomic } from '../../../base/files/files.ts';
import { UPLOAD_LIMITS } from '../../../base/limits.ts';
import { counted } from '../../../base/text/counted.ts';
import type { BlobFolder } from '../../store/blob-folder.ts';

/** A file on its way in. */
export interface Upload {
  readonly sha256: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Folder for what is there of it. */
  readonly folder: string;
  /** Where it goes when it is whole. */
  readonly blobs: BlobFolder;
  /** Others bring files to `blobs`, too: one that is there counts only once this sender has sent all of it. */
  readonly ofOneSender?: boolean;
  /** What the folder may hold, with all of the files that are on their way; without it parts of other files give way. */
  readonly room?: Room;
}

interface Room {
  readonly files: number;
  readonly bytes: number;
  /** And for the files in all folders of a folder together. */
  readonly ofAll: { readonly root: string; readonly bytes: number };
}

export interface Piece {
  /** Byte of the file it begins at. */
  readonly offset: number;
  readonly body: Readable;
  readonly onBytes: (bytes: number) => void;
}

interface Progress {
  /** Bytes of the whole file, as announced. */
  size: number;
  hash: Hash;
  hashed: number;
  /** The piece that is coming in. */
  current: { readonly stop: AbortController; readonly done: Promise<unknown> } | undefined;
}

/**
 * Receives files piece by piece. What is written stays, whatever becomes of the connection or the server; a file is taken in
 * when all of it is on disk and its SHA-256 is what was announced.
 */
export class UploadDesk {
  readonly #progress = new Map<string, Progress>();

  /** Bytes that are there; `done` if the file is whole. */
  async position(upload: Upload): Promise<{ offset: number; done: boolean }> {
    const { sha256, size, folder } = upload;
    if (await this.isWhole(upload)) return { offset: size, done: true };
    const there = (await stat(partPath(folder, sha256)).catch(() => undefined))?.size ?? 0;
    return { offset: there, done: false };
  }

  /** Whether all of a file has come. */
  async isWhole({ sha256, folder, blobs, ofOneSender }: Omit<Upload, 'size'>): Promise<boolean> {
    if ((await blobs.size(sha256)) === undefined) return false;
    return !ofOneSender || (await stat(receiptPath(folder, sha256)).catch(() => undefined)) !== undefined;
  }

  /**
   * Takes a piece. One that is still coming in for the same file is on a dead line: it is cut.
   * @throws NF_UPLOAD_OFFSET, NF_UPLOAD_TOO_LARGE, NF_UPLOADS_FULL, NF_TRANSFER_DIGEST, NF_DISK_FULL
   */
  async receive(upload: Upload, piece: Piece): Promise<{ offset: number; done: boolean }> {
    const path = partPath(upload.folder, upload.sha256);
    const progress = this.#progress.get(path) ?? {
      size: upload.size,
      hash: createHash('sha256'),
      hashed: 0,
      current: undefined,
    };
    progress.size = upload.size;
    this.#progress.set(path, progress);
    // Of several that waited for the same one, each cuts the one before it.
    while (progress.current) {
      progress.current.stop.abort();
      await progress.current.done.catch(() => undefined);
    }
    const stop = new AbortController();
    const done = this.#take(upload, piece, { path, progress, signal: stop.signal });
    progress.current = { stop, done };
    try {
      return await done;
    } finally {
      if (progress.current?.done === done) progress.current = undefined;
      if (!progress.current && progress.hashed === 0) this.#progress.delete(path);
    }
  }

  async #take(
    upload: Upload,
    piece: Piece,
    { path, progress, signal }: { path: string; progress: Progress; signal: AbortSignal },
  ): Promise<{ offset: number; done: boolean }> {
    const { offset: have, done } = await this.position(upload);
    if (done) return { offset: have, done };
    const { sha256, size } = upload;
    if (have !== piece.offset) throw flError('NF_UPLOAD_OFFSET', { have, sha256, given: piece.offset });
    await this.#makeRoom(upload, path);
    await makeFolder(upload.folder);
    await catchUp(progress, path, have);
    const count = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        progress.hashed += chunk.length;
        if (progress.hashed > size)
          throw flError('NF_UPLOAD_TOO_LARGE', { size: progress.hashed, limit: size });
        progress.hash.update(chunk);
        piece.onBytes(chunk.length);
        yield chunk;
      }
    };
    await append(path, (file) => pipeline(piece.body, count, file, { signal }));
    faultPoint('upload.piece');
    if (progress.hashed < size) return { offset: progress.hashed, done: false };
    await this.#finish(upload, path, progress);
    return { offset: size, done: true };
  }

  /** Ends what is on its way to a folder, or one in it, which is going to be removed. */
  async endBelow(root: string): Promise<void> {
    const isBelow = (path: string) => path.startsWith(root + sep);
    const paths = [...this.#progress.keys()].filter(isBelow);
    await Promise.all(paths.map((path) => this.#giveUp(path)));
  }

  /** Removes files of users' folders that nothing was added to since a time, in milliseconds since 1970. */
  async removeOlder(root: string, time: number): Promise<void> {
    for (const user of await readdir(root).catch(() => [])) {
      const folder = join(root, user);
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        const found = await stat(path).catch(() => undefined);
        if (found && found.mtimeMs < time) await this.#giveUp(path);
      }
    }
  }

  /** @throws NF_UPLOADS_FULL */
  async #makeRoom({ folder, room, size }: Upload, path: string): Promise<void> {
    const others = await this.#filesIn(folder);
    others.delete(path);
    if (!room) return this.#clearIdle([...others]);
    const own = { files: others.size, bytes: size + (await this.#bytesOf(others)) };
    if (own.files >= room.files || own.bytes > room.bytes)
      throw full(own, { whose: 'yours', room: `${counted(room.files, 'file')} and ${room.bytes} bytes` });
    const { root, bytes: most } = room.ofAll;
    const users = await readdir(root).catch(() => []);
    const ofAll = await Promise.all(users.map((user) => this.#filesIn(join(root, user))));
    const files = new Set(ofAll.flatMap((found) => [...found]));
    files.delete(path);
    const all = { files: files.size, bytes: size + (await this.#bytesOf(files)) };
    if (all.bytes > most) throw full(all, { whose: 'all users', room: `${most} bytes` });
  }

  /** What is there of files in a folder, and what is on its way there. */
  async #filesIn(folder: string): Promise<Set<string>> {
    const names = await readdir(folder).catch(() => []);
    const files = new Set(names.filter((name) => !isReceipt(name)).map((name) => join(folder, name)));
    for (const known of this.#progress.keys()) if (dirname(known) === folder) files.add(known);
    return files;
  }

  /** As announced, of those that are on their way. */
  async #bytesOf(files: Iterable<string>): Promise<number> {
    let bytes = 0;
    for (const file of files)
      bytes += this.#progress.get(file)?.size ?? (await stat(file).catch(() => undefined))?.size ?? 0;
    return bytes;
  }

  /** Files that nobody sends at the moment make room; few are sent at a time. */
  async #clearIdle(others: readonly string[]): Promise<void> {
    const busy = others.filter((other) => this.#progress.get(other)?.current);
    const bytes = busy.reduce((sum, other) => sum + (this.#progress.get(other)?.size ?? 0), 0);
    const most = UPLOAD_LIMITS.at_once.most;
    if (busy.length >= most)
      throw full({ files: busy.length, bytes }, { whose: 'this site', room: counted(most, 'file') });
    for (const other of others) if (!busy.includes(other)) await this.#giveUp(other);
  }

  async #giveUp(path: string): Promise<void> {
    // One that waits for another to end begins then.
    for (
      let current = this.#progress.get(path)?.current;
      current;
      current = this.#progress.get(path)?.current
    ) {
      current.stop.abort();
      await current.done.catch(() => undefined);
      // Whoever began it takes note of its end first.
      await Promise.resolve();
    }
    this.#progress.delete(path);
    await rm(path, { force: true });
  }

  async #finish(
    { sha256, blobs, folder, ofOneSender }: Upload,
    path: string,
    { hash }: Progress,
  ): Promise<void> {
    this.#progress.delete(path);
    const found = hash.digest('hex');
    if (found !== sha256) {
      await rm(path, { force: true });
      throw flError('NF_TRANSFER_DIGEST', { path: sha256, reason: 'its SHA-256 differs' });
    }
    await syncOrDiscard(path);
    await blobs.adopt(path, sha256);
    if (ofOneSender) await writeFileAtomic(receiptPath(folder, sha256), '');
  }
}

/** Opens the file for what comes; it is closed whatever becomes of that, and removed if nothing is in it. */
async function append(path: string, write: (file: Appender) => Promise<void>): Promise<void> {
  const file = new Appender(path);
  // Whoever writes is told; an error that comes when nobody does any more must not end the process.
  file.on('error', () => undefined);
  try {
    await write(file);
  } finally {
    file.destroy();
    if (!file.closed) await new Promise((resolve) => file.once('close', resolve));
    const there = await stat(path).catch(() => undefined);
    if (there?.size === 0) await rm(path, { force: true });
  }
}

/** `room`: what there is room for, in words. */
function full(there: { files: number; bytes: number }, most: { whose: string; room: string }) {
  return flError('NF_UPLOADS_FULL', { ...there, ...most, hours: UPLOAD_LIMITS.user_hours.most });
}

function partPath(folder: string, sha256: string): string {
  return join(folder, `${sha256}.part`);
}

const RECEIPT = '.whole';

/** An empty file beside the parts: what was adopted has a name that is the same for all. */
function receiptPath(folder: string, sha256: string): string {
  return join(folder, `${sha256}${RECEIPT}`);
}

function isReceipt(name: string): boolean {
  return name.endsWith(RECEIPT);
}

/** Brings the hash to what the file holds: after a restart, or a piece that was hashed and not written. */
async function catchUp(progress: Progress, path: string, have: number): Promise<void> {
  if (progress.hashed === have) return;
  progress.hash = createHash('sha256');
  progress.hashed = have;
  if (have > 0) await hashFile(path, progress.hash);
}
