import { Socket } from 'node:net';
import { closeWays } from './guard/close-ways.ts';
import type { ProcessSetup, TaskOrder } from './messages.ts';
import { CHANNEL_FD, lineOf, receiveMessages } from './process-channel.ts';
import { startTaskLoop } from './task-loop.ts';

/** A process of its own for the scripts of one job. It ends with the one who started it. */

const { engine, closed, sign } = JSON.parse(process.argv.pop() ?? '') as ProcessSetup;
const channel = new Socket({ fd: CHANNEL_FD });
channel.on('close', () => process.exit(0)).on('error', () => process.exit(0));
const take = startTaskLoop(engine, (message) => void channel.write(lineOf(message)), sign);
if (closed) await closeWays(closed, channel);
receiveMessages(channel, (order) => take(order as TaskOrder));
channel.write(lineOf({ type: 'ready' }));
