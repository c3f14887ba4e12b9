import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import { endTree, MARK, newMark } from './end-tree.ts';
import type { ProcessSetup } from './messages.ts';
import { channelOf, lineOf, receiveMessages } from './process-channel.ts';
import { readMessage } from './read-message.ts';
import { endOf } from './task-end.ts';
import type { StartHost } from './task-host.ts';

const ENTRY = fileURLToPath(new URL(`./process-entry${MODULE_EXTENSION}`, import.meta.url));

/** A process of its own, for scripts that use what threads share: the current folder, other programs, other threads. */
export const startProcess: StartHost = ({ engine }, events) => {
  const mark = newMark();
  const setup: ProcessSetup = { engine, closed: undefined };
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(setup)], {
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe', 'overlapped'],
    // A group of its own, so that what it starts ends with it, and Ctrl-C is for the simulation alone.
    detached: true,
  });
  let isEnding = false;
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => events.message({ type: 'log', text }));
  const channel = channelOf(child);
  receiveMessages(channel, (said) => events.message(readMessage(said)));
  child.on('error', (error) => events.ended({ type: 'killed', signal: error.message }));
  child.on('exit', (code, signal) => void (isEnding || events.ended(endOf(code, signal))));
  return {
    post: (order) => void channel.write(lineOf(order)),
    end: async () => {
      isEnding = true;
      await endTree(child, mark);
    },
  };
};
