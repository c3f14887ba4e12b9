import { parentPort } from 'node:worker_threads';
import { type ExaminationTask, writeExamination } from './examination.ts';

// A failure is left uncaught: it ends this thread and reaches the other side as its 'error', with code and path.
parentPort?.on('message', async (task: ExaminationTask) => {
  await writeExamination(task);
  parentPort?.postMessage('done');
});
