import { createReadStream } from 'node:fs';
import { flError } from '../kernel/errors.ts';
import { BYTES_TYPE, HEADER } from '../wire/protocol.ts';
import { uploadAnswer } from '../wire/site.ts';
import type { Connection } from './connection.ts';

export interface Upload {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Each piece is acknowledged: what is there is never sent again. */
const PIECE = 32 * 1024 * 1024;
/** A piece of which nothing moves for this long is on a dead line. */
const STALL_MS = 20_000;

/** Sends a file, from the byte where an earlier try stopped. The caller repeats it after a network error. */
export async function upload(connection: Connection, request: Upload): Promise<void> {
  let { offset, done } = await place(connection, request);
  while (!done) {
    if (offset > request.size)
      throw flError('NF_SERVER_ANSWER', {
        address: connection.address,
        reason: 'it has more of the file than there is',
      });
    ({ offset, done } = await sendPiece(connection, request, offset));
  }
}

/** Where the server is with this file. A file without bytes is there from the start. */
async function place(connection: Connection, { path, headers, size, signal }: Upload) {
  const response = await connection.stream({
    method: 'HEAD',
    path,
    headers: { ...headers, [HEADER.uploadLength]: String(size) },
    signal,
  });
  await response.body.dump();
  const offset = Number(response.headers[HEADER.uploadOffset] ?? 0);
  return { offset, done: response.statusCode === 200 };
}

async function sendPiece(connection: Connection, request: Upload, offset: number) {
  const { path, headers, file, size, signal, onBytes } = request;
  const length = Math.min(PIECE, size - offset);
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  const body =
    length === 0
      ? undefined
      : createReadStream(file, { start: offset, end: offset + length - 1, highWaterMark: 256 * 1024 });
  body?.on('data', (chunk) => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), STALL_MS);
    onBytes?.(chunk.length);
  });
  body?.pause();
  try {
    const response = await connection.stream({
      method: 'PATCH',
      path,
      headers: {
        ...headers,
        'content-type': BYTES_TYPE,
        'content-length': String(length),
        [HEADER.uploadOffset]: String(offset),
        [HEADER.uploadLength]: String(size),
      },
      ...(body && { body }),
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    });
    return uploadAnswer.parse(await response.body.json());
  } catch (error) {
    if (stalled.signal.aborted && !signal?.aborted)
      throw flError('NF_CONNECTION_LOST', { address: connection.address });
    throw connection.nameFailure(error);
  } finally {
    clearTimeout(timer);
    body?.destroy();
  }
}
