import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import { mapInThreads } from '../../runtime/base/threads/threads.ts';
import type { ExaminationTask } from './examination.ts';

export interface ThreadOptions {
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onDone: () => void;
  /** Used in this thread when one job is asked for. */
  readonly run: (task: ExaminationTask) => Promise<void>;
}

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const THREAD = new URL(`./thread${MODULE_EXTENSION}`, import.meta.url);

/** Does every task, in `jobs` threads; the first failure, or an abort, ends all of them before it is thrown. */
export async function runInThreads(
  tasks: readonly ExaminationTask[],
  { jobs, signal, onDone, run }: ThreadOptions,
): Promise<void> {
  if (jobs > 1) {
    await mapInThreads(tasks, { module: THREAD, jobs, signal, onDone });
    return;
  }
  for (const task of tasks) {
    signal.throwIfAborted();
    await run(task);
    onDone();
  }
}
