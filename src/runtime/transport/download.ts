import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { flError, NeuroflareError } from '../kernel/errors.ts';
import { syncFolder } from '../workspace/files.ts';
import type { Connection } from './connection.ts';

export interface Download {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the file goes, whole or not at all; a part of it waits beside it under another name. */
  readonly target: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Fetches a file, from the byte where an earlier try stopped. The caller repeats it after a network error.
 * @throws NF_TRANSFER_DIGEST when what came is not what was asked for; nothing of it is kept
 */
export async function download(connection: Connection, request: Download): Promise<void> {
  const { target, sha256 } = request;
  const part = `${target}.${sha256.slice(0, 16)}.part`;
  await mkdir(dirname(target), { recursive: true });
  try {
    await fetchRest(connection, request, part);
  } catch (error) {
    if (error instanceof NeuroflareError && error.code === 'NF_TRANSFER_DIGEST')
      await rm(part, { force: true });
    throw error;
  }
  await rename(part, target);
  await syncFolder(dirname(target));
}

/** Brings a part to the whole file, durably. */
async function fetchRest(connection: Connection, request: Download, part: string): Promise<void> {
  const { size, sha256, signal } = request;
  const hash = createHash('sha256');
  const offset = await hashedPart(part, { size, hash });
  const file = await open(part, 'a');
  try {
    if (offset < size) {
      const { body, statusCode } = await connection.stream({
        method: 'GET',
        path: request.path,
        headers: { ...request.headers, range: `bytes=${offset}-` },
        signal,
      });
      if (offset > 0 && statusCode !== 206) throw damaged(request, 'it came from its beginning');
      const received = await receive(connection, request, { body, offset, file, hash });
      if (received < size) throw flError('NF_CONNECTION_LOST', { address: connection.address });
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (hash.digest('hex') !== sha256) throw damaged(request, 'its SHA-256 differs');
}

interface Incoming {
  readonly body: AsyncIterable<Buffer>;
  readonly offset: number;
  readonly file: FileHandle;
  readonly hash: Hash;
}

/** Returns the bytes that are there then. */
async function receive(
  connection: Connection,
  request: Download,
  { body, offset, file, hash }: Incoming,
): Promise<number> {
  let received = offset;
  try {
    for await (const chunk of body) {
      received += chunk.length;
      if (received > request.size) throw damaged(request, `more than ${request.size} bytes came`);
      hash.update(chunk);
      await file.appendFile(chunk);
      request.onBytes?.(chunk.length);
    }
  } catch (error) {
    throw connection.nameFailure(error);
  }
  return received;
}

/** Bytes that are there already, taken into the hash. */
async function hashedPart(part: string, { size, hash }: { size: number; hash: Hash }): Promise<number> {
  const there = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (there > size) await rm(part);
  if (there === 0 || there > size) return 0;
  await pipeline(createReadStream(part), hash, { end: false });
  return there;
}

function damaged({ path }: Download, reason: string) {
  return flError('NF_TRANSFER_DIGEST', { path, reason });
}
