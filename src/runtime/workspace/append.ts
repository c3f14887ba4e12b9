import { type FileHandle, open } from 'node:fs/promises';
import { EarlySync } from './early-sync.ts';

/** What a connection gives at a time is small; the disk likes more. */
const PART = 1024 * 1024;
/** Chunks in a part, however small they are. */
const CHUNKS = 1024;
/** What a slow line has given is written after so many milliseconds. */
const PAUSE_MS = 50;

/**
 * Has a file grow by what comes, from its end on; `syncFile` makes it durable and has little left to do. What was written before an
 * error stays.
 */
export async function appendStream(path: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'a');
  const early = new EarlySync(file);
  let waiting: Buffer[] = [];
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const write = async () => {
    const [parts, length] = [waiting, bytes];
    waiting = [];
    bytes = 0;
    if (length === 0) return;
    const { bytesWritten } = await file.writev(parts);
    if (bytesWritten < length) await appendAll(file, Buffer.concat(parts).subarray(bytesWritten));
    early.grown(length);
  };
  const begin = () => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    // Looked at with the next part.
    writing.catch(() => undefined);
  };
  try {
    for await (const chunk of chunks) {
      waiting.push(chunk);
      bytes += chunk.length;
      timer ??= setTimeout(begin, PAUSE_MS);
      if (bytes < PART && waiting.length < CHUNKS) continue;
      await writing;
      begin();
    }
  } finally {
    begin();
    await writing.then(() => early.end()).finally(() => file.close());
  }
}

/** A full disk may take a part of the bytes before it refuses the rest. */
export async function appendAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
}
