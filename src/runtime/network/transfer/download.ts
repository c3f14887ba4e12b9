import { createHash, type Hash } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hashFile } from '../../base/digest.ts';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { Appender } from '../../base/files/appender.ts';
import { makeFolder, syncFolder, syncOrDiscard } from '../../base/files/files.ts';
import { counted } from '../../base/text/counted.ts';
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
  /** Bytes of the file that are here, counted from its beginning: a new try goes on where the earlier one stopped. */
  readonly onReached?: ((bytes: number) => void) | undefined;
}

/**
 * Fetches a file, from the byte where an earlier try stopped. The caller repeats it after a network error.
 * @throws NF_TRANSFER_DIGEST when what came is not what was asked for; nothing of it is kept
 */
export async function download(connection: Connection, request: Download): Promise<void> {
  const { target, sha256 } = request;
  const part = partOf({ target, sha256 });
  await makeFolder(dirname(target));
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

/** Where a file waits until all of it has come. */
export function partOf({ target, sha256 }: Pick<Download, 'target' | 'sha256'>): string {
  return `${target}.${sha256.slice(0, 16)}.part`;
}

/** Brings a part to the whole file, durably. */
async function fetchRest(connection: Connection, request: Download, part: string): Promise<void> {
  const { size, sha256 } = request;
  const hash = createHash('sha256');
  const offset = await hashedPart(part, { size, hash });
  if (offset < size) await receive(connection, request, { part, offset, hash });
  await syncOrDiscard(part);
  if (hash.digest('hex') !== sha256) throw damaged(request, 'its SHA-256 differs');
}

/** Fetches what comes after `offset`. */
async function receive(
  connection: Connection,
  request: Download,
  { part, offset, hash }: { part: string; offset: number; hash: Hash },
): Promise<void> {
  const { body, statusCode } = await connection.stream({
    method: 'GET',
    path: request.path,
    headers: { ...request.headers, range: `bytes=${offset}-` },
    signal: request.signal,
  });
  if (offset > 0 && statusCode !== 206) throw damaged(request, 'it came from its beginning');
  let received = offset;
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      received += chunk.length;
      if (received > request.size) throw damaged(request, `more than ${counted(request.size, 'byte')} came`);
      hash.update(chunk);
      yield chunk;
      request.onReached?.(received);
    }
  };
  await pipeline(body, count, new Appender(part)).catch((error: unknown) => {
    throw connection.nameFailure(error);
  });
  if (received < request.size) throw flError('NF_CONNECTION_LOST', { address: connection.address });
}

/** Bytes that are there already, taken into the hash. */
async function hashedPart(part: string, { size, hash }: { size: number; hash: Hash }): Promise<number> {
  const there = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (there > size) await rm(part);
  if (there === 0 || there > size) return 0;
  await hashFile(part, hash);
  return there;
}

function damaged({ path }: Download, reason: string) {
  return flError('NF_TRANSFER_DIGEST', { path, reason });
}
