import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { beyondBounds } from '../../base/json-bounds.ts';
import { SCRIPT_LIMITS } from '../../base/limits.ts';

/**
 * How a client and the process that runs a job's scripts talk: JSON, a line a message, over a pipe of their own. Node.js's own channel
 * (`ipc`) will not do: words of its inner protocol, and bytes that are no JSON, end the one who hears them.
 */

/** The pipe's number in the process. */
export const CHANNEL_FD = 3;
/** Characters of a line. */
const LONGEST_LINE = SCRIPT_LIMITS.result.most;
/** Who reads a message, or writes it out again, goes as deep into the stack. What a message may be is held to less. */
const BOUNDS = { depth: 1000, values: LONGEST_LINE } as const;

/** Calls `receive` with each message, and with undefined for a line that is none; the rest of a line that is too long is dropped. */
export function receiveMessages(stream: Readable, receive: (message: unknown) => void): void {
  let parts: string[] = [];
  let length = 0;
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      receive(length + line.length > LONGEST_LINE ? undefined : parsed(parts.join('') + line));
      parts = [];
      length = 0;
    }
    length += rest.length;
    if (length <= LONGEST_LINE) parts.push(rest);
    else parts = [];
  });
}

/** The channel to a process that was started with a fourth stream. */
export function channelOf(child: ChildProcess): Duplex {
  const channel = child.stdio[CHANNEL_FD] as Duplex | null | undefined;
  if (!channel) throw new Error('A process was started without its channel.');
  // The process has ended, or closed it: its exit says so.
  return channel.on('error', () => undefined);
}

export function lineOf(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

/** A message, if the line is one, and no longer than such a one may be. */
function parsed(line: string): unknown {
  try {
    if (beyondBounds(line, BOUNDS)) return undefined;
    const message: unknown = JSON.parse(line);
    return line.length > SCRIPT_LIMITS.message.most && !isResult(message) ? undefined : message;
  } catch {
    return undefined;
  }
}

function isResult(message: unknown): boolean {
  return typeof message === 'object' && message !== null && Reflect.get(message, 'type') === 'result';
}
