import { parentPort } from 'node:worker_threads';
import { toNeuroflareError } from '../errors/errors.ts';
import type { Operations } from './operation-thread.ts';

/** Makes this thread one that does the operations it is asked for and answers each with its result or its named error. */
export function serveOperations(operations: Operations): void {
  const port = parentPort;
  if (!port) throw new Error('Operations are served in a worker thread.');
  port.on('message', async ({ id, name, input }: { id: number; name: string; input: never }) => {
    try {
      const work = operations[name];
      if (!work) throw new Error(`There is no operation '${name}'.`);
      port.postMessage({ id, result: await work(input) });
    } catch (error) {
      port.postMessage({ id, error: toNeuroflareError(error).report() });
    }
  });
}
