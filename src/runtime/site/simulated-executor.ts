import type { StrippedTexts } from '../base/files/strip-types.ts';
import type { JobDefinition } from '../job/definition.ts';
import type { Executor } from './executor/executor.ts';
import type { EngineSetup } from './executor/messages.ts';
import { ThreadExecutor } from './executor/thread-executor.ts';
import { simulatedHost } from './python/hosts.ts';
import { PythonExecutor } from './python/python-executor.ts';

export interface SimulatedExecutorOptions {
  /** Tasks at the same time. */
  readonly size: number;
  readonly engine: EngineSetup;
  /** Those of the job that were parsed already: tasks are to come soon. */
  readonly scripts?: StrippedTexts | undefined;
}

/** What runs the scripts of a job on the machine of who simulates, or of a worker. */
export function simulatedExecutor(
  job: JobDefinition,
  { size, engine, scripts }: SimulatedExecutorOptions,
): Executor {
  if (job.executor.type === 'python') return new PythonExecutor({ job, size, host: simulatedHost(engine) });
  const threads = new ThreadExecutor(size, { engine, scripts });
  // They start while the folder of the run is written.
  if (scripts) threads.start();
  return threads;
}
