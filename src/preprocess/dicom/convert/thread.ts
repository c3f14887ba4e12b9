import { parentPort } from 'node:worker_threads';
import { convertFiles } from './dcm2niix.ts';

// A failure is left uncaught: it ends this thread and reaches the other side as its 'error'.
parentPort?.on('message', async (paths: readonly string[]) => {
  const files = await convertFiles(paths);
  parentPort?.postMessage(
    files,
    (files ?? []).map(({ bytes }) => bytes.buffer),
  );
});
