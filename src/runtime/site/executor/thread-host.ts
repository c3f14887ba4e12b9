import { Worker } from 'node:worker_threads';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import { releaseMemoryOf } from '../../base/threads/memory-share.ts';
import { closeNativeGate, makeNativeGate, type NativeGate } from '../../base/threads/native-gate.ts';
import { readMessage } from './read-message.ts';
import type { HostSetup, StartHost } from './task-host.ts';

/** What a worker thread is handed when it starts. */
export interface WorkerSetup extends HostSetup {
  /** Closed before the thread is ended. */
  readonly gate: NativeGate;
}

const ENTRY = new URL(`./site-worker${MODULE_EXTENSION}`, import.meta.url);

/** A thread of this process. */
export const startThread: StartHost = ({ engine, scripts }, events) => {
  const gate = makeNativeGate();
  const workerData: WorkerSetup = { engine, scripts, gate };
  const worker = new Worker(ENTRY, { workerData, stdout: true, stderr: true });
  const failed = (thrown: unknown) => {
    const isMemory = (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
    const error = (isMemory ? flError('NF_SCRIPT_MEMORY') : toNeuroflareError(thrown)).report();
    events.ended({ type: 'failure', error });
  };
  worker.on('message', (said: unknown) => events.message(readMessage(said)));
  worker.on('messageerror', failed);
  worker.on('error', failed);
  // Once it has ended it has no number.
  const { threadId } = worker;
  worker.on('exit', (code) => {
    releaseMemoryOf(threadId);
    events.ended({ type: 'failure', error: flError('NF_SCRIPT_EXITED', { code }).report() });
  });
  return {
    post: (order) => worker.postMessage(order),
    end: async () => {
      await closeNativeGate(gate);
      await worker.terminate();
    },
  };
};
