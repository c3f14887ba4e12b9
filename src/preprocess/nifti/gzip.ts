import { once } from 'node:events';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { reasonOf } from '../../runtime/base/errors/reason-of.ts';
import { isOutOfMemory } from '../../runtime/base/threads/memory-share.ts';

const gzipAsync = promisify(gzip);

/** Deflate cannot shrink more than this (zlib, "Maximum Compression Factor"). */
const MOST_EXPANSION = 1032;
/** Bytes that are inflated at a time. */
const MOST_PART = 2 ** 20;
/** Byte 9 of a gzip header: the operating system; 255 is "unknown" (RFC 1952, 2.3.1). */
const OS_BYTE = 9;

/**
 * Level 1, no name, no time and no system in the header, so that equal bytes give an equal file.
 * Level 1 costs 5 % of size against level 6 and takes less than half of the time; the larger memory of level 9 a tenth less.
 */
export async function gzipNifti(bytes: Uint8Array): Promise<Uint8Array> {
  // One piece of output: each of the usual 16 KB would come back to this thread by itself.
  const packed = await gzipAsync(bytes, { level: 1, memLevel: 9, chunkSize: bytes.length + 1024 });
  packed[OS_BYTE] = 255;
  return packed;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The first `count` bytes behind a gzip stream, fewer if it ends before; inflates no more than it has to. */
export async function gunzipHead(bytes: Uint8Array, count: number, file: string): Promise<Uint8Array> {
  const head = new Uint8Array(count);
  let filled = 0;
  const stream = createGunzip({ chunkSize: 1024 });
  stream.end(bytes);
  try {
    for await (const chunk of stream) {
      const part = (chunk as Uint8Array).subarray(0, count - filled);
      head.set(part, filled);
      filled += part.length;
      if (filled === count) break;
    }
  } catch (error) {
    throw gzipFailure(error, file);
  }
  return head.subarray(0, filled);
}

/** Where the voxels begin behind the gzip, and how many bytes they are. */
interface Announced {
  readonly offset: number;
  readonly dataBytes: number;
}

/**
 * A whole gzip stream of one or more members. Every member's checksum and length are checked; more bytes than are announced
 * are refused while inflating, so a bomb costs no memory.
 */
export async function gunzipWhole(
  bytes: Uint8Array,
  announced: Announced,
  file: string,
): Promise<Uint8Array> {
  const { offset, dataBytes } = announced;
  const most = bytes.length * MOST_EXPANSION;
  if (most < offset + dataBytes) {
    const found = `no more than ${Math.max(0, most - offset)}`;
    throw flError('NF_NIFTI_DATA_SHORT', { file, found, expected: dataBytes }, { place: { file } });
  }
  try {
    const { buffer, used } = await inflate(bytes, { announced, file });
    // zlib stops at a zero byte behind a member, which is padding only if nothing else follows.
    if (bytes.subarray(used).some((byte) => byte !== 0)) throw trailing(file);
    return buffer;
  } catch (error) {
    if (error instanceof NeuroflareError || isOutOfMemory(error)) throw error;
    throw gzipFailure(error, file);
  }
}

/**
 * `used`: how many bytes the members took. Memory for what is large is asked for before anything is inflated, so that where there is none the
 * caller is told.
 */
async function inflate(
  bytes: Uint8Array,
  { announced, file }: { announced: Announced; file: string },
): Promise<{ buffer: Uint8Array; used: number }> {
  const expected = announced.offset + announced.dataBytes;
  let whole: Uint8Array | undefined = expected > MOST_PART ? new Uint8Array(expected) : undefined;
  let filled = 0;
  const stream = createGunzip({ chunkSize: Math.max(1024, Math.min(expected, MOST_PART)) });
  const ended = once(stream, 'end');
  stream.on('data', (part: Uint8Array) => {
    if (filled + part.length > expected) return void stream.destroy(tooLong(announced, file));
    // What comes in one part is taken as it is.
    if (part.length === expected) whole = part;
    else {
      whole ??= new Uint8Array(expected);
      whole.set(part, filled);
    }
    filled += part.length;
  });
  stream.end(bytes);
  await ended;
  return { buffer: whole?.subarray(0, filled) ?? new Uint8Array(), used: stream.bytesWritten };
}

function tooLong({ dataBytes }: Announced, file: string): Error {
  return flError('NF_NIFTI_DATA_LONG', { file, expected: dataBytes }, { place: { file } });
}

function trailing(file: string, cause?: unknown): Error {
  return flError('NF_NIFTI_GZIP_TRAILING', { file }, { place: { file }, cause });
}

/** What a failure of zlib means for a file that begins as gzip does. */
export function gzipFailure(error: unknown, file: string): Error {
  const reason = reasonOf(error);
  const context = { place: { file }, cause: error };
  if (codeOf(error) === 'Z_BUF_ERROR') return flError('NF_NIFTI_GZIP_TRUNCATED', { file }, context);
  if (reason === 'incorrect data check')
    return flError('NF_NIFTI_GZIP_CHECKSUM', { file, what: 'checksum' }, context);
  if (reason === 'incorrect length check')
    return flError('NF_NIFTI_GZIP_CHECKSUM', { file, what: 'length' }, context);
  // Callers saw the gzip magic at the start, so this is about what follows the first member.
  if (reason === 'incorrect header check') return trailing(file, error);
  return flError('NF_NIFTI_GZIP_INVALID', { file, reason }, context);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
