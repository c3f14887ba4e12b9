import { parentPort } from 'node:worker_threads';
import { toNeuroflareError } from '../../kernel/errors.ts';
import { OPERATIONS, type Operation } from './operations.ts';

/** A thread that does one operation after another. */

const port = parentPort;
if (!port) throw new Error('work-entry runs as a worker thread.');
const operations: Readonly<Record<Operation, (input: never) => Promise<unknown>>> = OPERATIONS;
port.on('message', async ({ id, name, input }: { id: number; name: Operation; input: never }) => {
  try {
    port.postMessage({ id, result: await operations[name](input) });
  } catch (error) {
    port.postMessage({ id, error: toNeuroflareError(error).report() });
  }
});
