import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCRIPT_LIMITS } from '../../base/limits.ts';
import type { JobUser } from '../../security/policy/job-user.ts';
import { lineOf, receiveMessages } from '../executor/process-channel.ts';
import { type PythonMessage, type PythonReply, readPythonMessage } from './messages.ts';

/** Bytes of the path of a Unix socket, with the one that ends it (unix(7), sun_path; 104 on macOS). */
const LONGEST_PATH = 103;
/** Characters of answers that a process has not read. */
const MOST_UNREAD = 100_000;

export interface ChannelEvents {
  /** `reply` answers a question. */
  message(message: PythonMessage, reply: (answer: PythonReply) => void): void;
  /** What was said is no message. */
  garbled(reason: string): void;
}

/** Where the process of a script finds who gives it tasks. No descriptor is inherited: launchers of several ranks close those. */
export interface Channel {
  readonly place: string;
  readonly token: string;
  /** Resolves when no process is connected any more. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** @param user whose the process is, where that is another than ours: nobody else gets to the socket */
export async function openChannel(user: JobUser | undefined, events: ChannelEvents): Promise<Channel> {
  const token = randomUUID();
  const sockets = new Set<Socket>();
  let whenDrained: (() => void) | undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) whenDrained?.();
    });
    serve(socket, token, events);
  });
  // Each may have begun a message that has no end.
  server.maxConnections = SCRIPT_LIMITS.connections.most;
  server.on('drop', () =>
    events.garbled(`more than ${SCRIPT_LIMITS.connections.most} of its processes ask at the same time`),
  );
  const { place, remove } = await listen(server, user);
  return {
    place,
    token,
    drained: () =>
      new Promise((resolve) => {
        whenDrained = resolve;
        if (sockets.size === 0) resolve();
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await remove();
    },
  };
}

function serve(socket: Socket, token: string, events: ChannelEvents): void {
  let isKnown = false;
  receiveMessages(socket, (said) => {
    const message = readPythonMessage(said);
    // What lies in a piece behind the message that ended the connection counts no more.
    if (socket.destroyed) return;
    if (!message) return isKnown ? events.garbled('it has not the form of one') : void socket.destroy();
    if (message.type === 'hello') isKnown = message.token === token;
    if (!isKnown) return void socket.destroy();
    if (socket.writableLength > MOST_UNREAD) {
      events.garbled('it asks and asks, and reads no answer');
      return void socket.destroy();
    }
    events.message(message, (answer) => void socket.write(lineOf(answer)));
  });
}

async function listen(
  server: Server,
  user: JobUser | undefined,
): Promise<{ place: string; remove: () => Promise<void> }> {
  if (process.platform === 'win32') {
    const place = `\\\\.\\pipe\\neuroflare-${randomUUID()}`;
    await begin(server, place);
    return { place, remove: async () => undefined };
  }
  const usual = join(tmpdir(), 'neuroflare-');
  const folder = await mkdtemp(Buffer.byteLength(usual) + 10 > LONGEST_PATH ? '/tmp/neuroflare-' : usual);
  const place = join(folder, 's');
  await begin(server, place);
  if (user) {
    for (const path of [folder, place]) await chown(path, user.uid, user.gid);
  } else await chmod(folder, 0o700);
  return { place, remove: () => rm(folder, { recursive: true, force: true }) };
}

function begin(server: Server, place: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}
