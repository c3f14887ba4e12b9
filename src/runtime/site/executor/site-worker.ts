import { parentPort, workerData } from 'node:worker_threads';
import { useNativeGate } from '../../base/threads/native-gate.ts';
import { useStripped } from '../script/load-typescript.ts';
import type { TaskOrder } from './messages.ts';
import { startTaskLoop } from './task-loop.ts';
import type { WorkerSetup } from './thread-host.ts';

/** A worker thread of the pool: runs the script of one site after another. */

const port = parentPort;
if (!port) throw new Error('site-worker runs as a worker thread.');
const { engine, scripts, gate } = workerData as WorkerSetup;
useNativeGate(gate);
if (scripts) useStripped(scripts);
const take = startTaskLoop(engine, (message) => port.postMessage(message));
port.on('message', (order: TaskOrder) => take(order));
port.postMessage({ type: 'ready' });
