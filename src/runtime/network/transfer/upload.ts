import { createReadStream } from 'node:fs';
import type { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { BYTES_TYPE, HEADER } from '../messages/protocol.ts';
import { uploadAnswer } from '../messages/site.ts';
import type { Connection } from './connection.ts';

export interface Upload {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Called before a piece is sent, with its length. */
  readonly onPiece?: ((bytes: number) => Promise<void>) | undefined;
}

/** Each piece is acknowledged: what is there is never sent again. */
const PIECE = 32 * 1024 * 1024;

/** Sends a file, from the byte where an earlier try stopped. The caller repeats it after a network error. */
export async function upload(connection: Connection, request: Upload): Promise<void> {
  let { offset, done } = await place(connection, request);
  while (!done) {
    if (offset > request.size) throw connection.unusable('it has more of the file than there is');
    const next = await sendPiece(connection, request, offset);
    if (!next.done && next.offset <= offset) throw connection.unusable('it did not take what was sent');
    ({ offset, done } = next);
  }
}

/** Where the server is with this file. */
function place(connection: Connection, { path, headers, size, signal }: Upload): Promise<Place> {
  return connection.send({
    method: 'GET',
    path,
    headers: { ...headers, [HEADER.uploadLength]: String(size) },
    answer: uploadAnswer,
    signal,
  });
}

type Place = z.output<typeof uploadAnswer>;

async function sendPiece(connection: Connection, request: Upload, offset: number): Promise<Place> {
  const { path, headers, file, size, signal, onBytes } = request;
  const length = Math.min(PIECE, size - offset);
  const stalled = new AbortController();
  await request.onPiece?.(length);
  const watch = () => setTimeout(() => stalled.abort(), connection.silenceSeconds * 1000);
  let timer = watch();
  const body =
    length === 0
      ? undefined
      : createReadStream(file, { start: offset, end: offset + length - 1, highWaterMark: 256 * 1024 });
  body?.on('data', (chunk) => {
    clearTimeout(timer);
    timer = watch();
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
    return await connection.read(response, uploadAnswer);
  } catch (error) {
    if (stalled.signal.aborted && !signal?.aborted)
      throw flError('NF_CONNECTION_LOST', { address: connection.address });
    throw connection.nameFailure(error);
  } finally {
    clearTimeout(timer);
    body?.destroy();
  }
}
