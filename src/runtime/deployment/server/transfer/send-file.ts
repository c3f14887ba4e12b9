import { type FileHandle, open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { flError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { counted } from '../../../base/text/counted.ts';
import { BYTES_TYPE } from '../../../network/messages/protocol.ts';
import { SILENCE_SECONDS } from '../../../network/transfer/dispatcher.ts';

const BUFFER = 256 * 1024;

export interface SentFile {
  readonly path: string;
  /** What errors call the file. */
  readonly name: string;
  readonly onBytes?: (bytes: number) => void;
  /** The other end reads nothing for this long: it is not waited for. */
  readonly silenceSeconds?: number;
}

/** Sends a file, from the byte a `Range: bytes=N-` asks for. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { path, name, onBytes = () => undefined, silenceSeconds = SILENCE_SECONDS }: SentFile,
): Promise<FastifyReply> {
  const { file, size } = await openFile(path, name);
  try {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'content-type': BYTES_TYPE, 'accept-ranges': 'bytes' };
    if (start > 0 && start >= size) {
      reply.header('content-range', `bytes */${size}`);
      throw flError('NF_REQUEST_RANGE', { path: name, size, start });
    }
    // Counted anew for whatever part of a buffer goes out.
    reply.raw.setTimeout(silenceSeconds * 1000, () => reply.raw.destroy());
    reply.hijack().raw.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      'content-length': size - start,
      ...(start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
    });
    await sendRange(reply.raw, { file, start, size, onBytes });
    reply.raw.end();
  } catch (error) {
    if (!reply.raw.headersSent) throw error;
    // Too late for an answer: the other end sees that bytes are missing and asks for them again.
    request.log.info({ path: name, reason: String(error) }, 'a transfer has ended early');
    reply.raw.destroy();
  } finally {
    await file.close();
  }
  return reply;
}

/**
 * Two buffers take turns, one being read into while the other is on its way: a stream's new buffer for each part is, with many sites and
 * large models, all that the garbage collector has to do.
 */
async function sendRange(
  response: ServerResponse,
  {
    file,
    start,
    size,
    onBytes,
  }: { file: FileHandle; start: number; size: number } & Required<Pick<SentFile, 'onBytes'>>,
): Promise<void> {
  const buffers = [Buffer.allocUnsafeSlow(BUFFER), Buffer.allocUnsafeSlow(BUFFER)] as const;
  let sending: Promise<void> = Promise.resolve();
  for (let position = start, turn = 0; position < size; turn++) {
    const buffer = buffers[turn % 2 === 0 ? 0 : 1];
    const { bytesRead } = await file.read(buffer, 0, Math.min(BUFFER, size - position), position);
    await sending;
    if (bytesRead === 0) throw new Error(`it ended ${counted(size - position, 'byte')} early`);
    sending = write(response, buffer.subarray(0, bytesRead));
    // Looked at above, in the next turn.
    sending.catch(() => undefined);
    onBytes(bytesRead);
    position += bytesRead;
  }
  await sending;
}

/** Settles when the bytes were handed to the system, so that their buffer may be used again. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function openFile(path: string, name: string): Promise<{ file: FileHandle; size: number }> {
  const file = await open(path, 'r').catch((error: unknown) => {
    const named = toNeuroflareError(error);
    // That it cannot be opened now does not mean that it is not there.
    if (named.code === 'NF_FILES_OPEN') throw named;
    return undefined;
  });
  const found = await file?.stat();
  if (file && found?.isFile()) return { file, size: found.size };
  await file?.close();
  throw flError('NF_FILE_UNKNOWN', { path: name });
}
