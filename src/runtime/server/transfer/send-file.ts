import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { flError } from '../../kernel/errors.ts';
import { BYTES_TYPE } from '../../wire/protocol.ts';

const BUFFER = 512 * 1024;

/** Sends a file, from the byte a `Range: bytes=N-` asks for. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { path, name, onBytes }: { path: string; name: string; onBytes?: (bytes: number) => void },
): Promise<FastifyReply> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw flError('NF_FILE_UNKNOWN', { path: name });
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  reply.header('content-type', BYTES_TYPE).header('accept-ranges', 'bytes');
  if (start > found.size) {
    reply.header('content-range', `bytes */${found.size}`);
    return reply.code(416).send();
  }
  reply.header('content-length', found.size - start);
  if (start > 0) reply.code(206).header('content-range', `bytes ${start}-${found.size - 1}/${found.size}`);
  if (start === found.size) return reply.send('');
  const stream = createReadStream(path, { start, highWaterMark: BUFFER });
  if (onBytes) stream.on('data', (chunk) => onBytes(chunk.length)).pause();
  return reply.send(stream);
}
