import { toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { mapOperations } from '../../runtime/base/threads/map-operations.ts';
import type { OperationThread } from '../../runtime/base/threads/operation-thread.ts';
import type { volumeOperations } from './preparation-entry.ts';

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const ENTRY = new URL(`./preparation-entry${MODULE_EXTENSION}`, import.meta.url);
export type VolumeThread = OperationThread<typeof volumeOperations>;

export interface VolumeWork {
  /** Threads; results do not depend on it. */
  readonly jobs: number;
  /** Leave volumes out at which the work fails, instead of stopping. */
  readonly skipBad: boolean;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface BadVolume {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Does some work for each volume in a pool of threads; results are in the order of the tasks.
 * @throws what the work throws for the first volume; the signal's reason when aborted
 */
export async function eachVolume<Task extends { readonly source: string }, Result extends object>(
  tasks: readonly Task[],
  { jobs, signal, progress, skipBad }: VolumeWork,
  work: (thread: VolumeThread, task: Task) => Promise<Result>,
): Promise<{ results: Result[]; bad: BadVolume[] }> {
  const pool = { entry: ENTRY, jobs, signal };
  let done = 0;
  const all = await mapOperations(pool, tasks, async (thread: VolumeThread, task) => {
    try {
      return { result: await work(thread, task) };
    } catch (thrown) {
      signal.throwIfAborted();
      if (!skipBad) throw thrown;
      const { code, message } = toNeuroflareError(thrown);
      return { bad: { file: task.source, code, message } };
    } finally {
      progress({ what: 'volumes', done: ++done, total: tasks.length });
    }
  });
  const results = all.flatMap((one) => (one.result ? [one.result] : []));
  const bad = all.flatMap((one) => (one.bad ? [one.bad] : []));
  return { results, bad };
}
