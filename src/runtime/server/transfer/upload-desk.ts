import { createHash, type Hash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hashFile } from '../../kernel/digest.ts';
import { flError } from '../../kernel/errors.ts';
import { faultPoint } from '../../kernel/fault-point.ts';
import type { BlobFolder } from '../../store/blob-folder.ts';
import { Appender } from '../../workspace/appender.ts';
import { makeFolder, syncOrDiscard } from '../../workspace/files.ts';

/** A file on its way in. */
export interface Upload {
  readonly sha256: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Folder for what is there of it. */
  readonly folder: string;
  /** Where it goes when it is whole. */
  readonly blobs: BlobFolder;
}

export interface Piece {
  /** Byte of the file it begins at. */
  readonly offset: number;
  readonly body: Readable;
  readonly onBytes: (bytes: number) => void;
}

interface Progress {
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
  async position({ sha256, size, folder, blobs }: Upload): Promise<{ offset: number; done: boolean }> {
    if ((await blobs.size(sha256)) !== undefined) return { offset: size, done: true };
    const there = (await stat(partPath(folder, sha256)).catch(() => undefined))?.size ?? 0;
    return { offset: there, done: false };
  }

  /**
   * Takes a piece. One that is still coming in for the same file is on a dead line: it is cut.
   * @throws NF_UPLOAD_OFFSET, NF_UPLOAD_TOO_LARGE, NF_TRANSFER_DIGEST, NF_DISK_FULL
   */
  async receive(upload: Upload, piece: Piece): Promise<{ offset: number; done: boolean }> {
    const path = partPath(upload.folder, upload.sha256);
    const progress = this.#progress.get(path) ?? {
      hash: createHash('sha256'),
      hashed: 0,
      current: undefined,
    };
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
    await pipeline(piece.body, count, new Appender(path), { signal });
    faultPoint('upload.piece');
    if (progress.hashed < size) return { offset: progress.hashed, done: false };
    await this.#finish(upload, path, progress);
    return { offset: size, done: true };
  }

  async #finish({ sha256, blobs }: Upload, path: string, { hash }: Progress): Promise<void> {
    this.#progress.delete(path);
    const found = hash.digest('hex');
    if (found !== sha256) {
      await rm(path, { force: true });
      throw flError('NF_TRANSFER_DIGEST', { path: sha256, reason: 'its SHA-256 differs' });
    }
    await syncOrDiscard(path);
    await blobs.adopt(path, sha256);
  }
}

function partPath(folder: string, sha256: string): string {
  return join(folder, `${sha256}.part`);
}

/** Brings the hash to what the file holds: after a restart, or a piece that was hashed and not written. */
async function catchUp(progress: Progress, path: string, have: number): Promise<void> {
  if (progress.hashed === have) return;
  progress.hash = createHash('sha256');
  progress.hashed = have;
  if (have > 0) await hashFile(path, progress.hash);
}
