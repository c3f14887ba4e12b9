import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { gzipFailure } from '../../../preprocess/nifti/gzip.ts';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { DATA_LIMITS } from '../../base/limits.ts';
import type { OpenedFile } from './served-files.ts';

const BUFFER = 256 * 1024;
const MOST_BYTES = DATA_LIMITS.image_bytes.most;
/** RFC 1952, 2.3.1. */
const GZIP = Buffer.from([0x1f, 0x8b]);
/** By what a name ends with; the rest are bytes. Compressed volumes stay compressed: what is asked for is the file. */
const TYPES: readonly (readonly [name: RegExp, type: string])[] = [
  [/\.png$/i, 'image/png'],
  [/\.jpe?g$/i, 'image/jpeg'],
];

/** Sends a file piece by piece, or the part of it that `Range: bytes=FROM-TO` asks for (RFC 9110, 14.2). Closes it. */
export async function sendShown(
  request: FastifyRequest,
  reply: FastifyReply,
  { file, size, path }: OpenedFile,
): Promise<FastifyReply> {
  const range = rangeOf(request.headers.range, size);
  reply.type(TYPES.find(([name]) => name.test(path))?.[1] ?? 'application/octet-stream');
  reply.header('accept-ranges', 'bytes');
  if (range === 'beyond' || size === 0) {
    await file.close();
    if (size === 0) return reply.send('');
    return reply.code(416).header('content-range', `bytes */${size}`).send('');
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`);
  reply.header('content-length', end - start + 1);
  return reply.send(file.createReadStream({ start, end, highWaterMark: BUFFER }));
}

/**
 * Sends a volume as its NIfTI bytes, piece by piece: one that is compressed is unpacked here, by what it begins with and not by its name, with all of
 * its gzip members. Where it is damaged the answer breaks off. Closes the file.
 * @throws NF_INPUT_LARGE
 */
export async function sendVolume(
  reply: FastifyReply,
  { file, size, path }: OpenedFile,
): Promise<FastifyReply> {
  if (size > MOST_BYTES) {
    await file.close();
    throw tooLarge(path, size);
  }
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  const bytes = file.createReadStream({ start: 0, highWaterMark: BUFFER });
  // Somebody may leave before the first piece is asked for.
  reply.raw.once('close', () => bytes.destroy());
  reply.type('application/octet-stream');
  if (!buffer.equals(GZIP)) return reply.header('content-length', size).send(bytes);
  return reply.send(Readable.from(unpacked(bytes, path), { objectMode: false, highWaterMark: BUFFER }));
}

/** A small file may unpack to any size: no more is unpacked than a volume may have. @throws NF_NIFTI_GZIP_*, NF_INPUT_LARGE */
async function* unpacked(bytes: Readable, path: string): AsyncGenerator<Buffer> {
  const plain = createGunzip({ chunkSize: BUFFER });
  bytes.on('error', (error) => plain.destroy(error)).pipe(plain);
  let seen = 0;
  try {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      seen += chunk.length;
      if (seen > MOST_BYTES) throw tooLarge(path, seen);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof NeuroflareError ? error : gzipFailure(error, path);
  } finally {
    bytes.destroy();
    plain.destroy();
  }
}

function tooLarge(path: string, bytes: number) {
  return flError('NF_INPUT_LARGE', { path, bytes, most: MOST_BYTES }, { place: { file: path } });
}

/** Undefined where all is wanted: several ranges at once and other units are no duty of a server. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'beyond' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '')
    return Number(to) === 0 ? 'beyond' : { start: Math.max(0, size - Number(to)), end: size - 1 };
  const [start, end] = [Number(from), Math.min(size - 1, to === '' ? size - 1 : Number(to))];
  if (start >= size) return 'beyond';
  return end < start ? undefined : { start, end };
}
