import { parentPort, workerData } from 'node:worker_threads';
import { type ControlData, type ControlTask, runControlTask } from './tasks.ts';

// A failure is left uncaught: it ends this thread and reaches the other side as its 'error'.
parentPort?.on('message', (task: ControlTask) => {
  parentPort?.postMessage(runControlTask(task, workerData as ControlData));
});
