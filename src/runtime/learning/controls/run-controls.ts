import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { mapInThreads } from '../../base/threads/threads.ts';
import {
  type ControlFolds,
  type ControlScores,
  collectControls,
  controlTasks,
  prepareControls,
} from './control-data.ts';
import type { ControlImage } from './images.ts';
import type { ControlAnswer, ControlTask } from './tasks.ts';

export interface ControlRun extends ControlFolds {
  readonly jobs: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Sources run as .ts, the package as .js; the compiler rewrites imports, but not this name. */
const THREAD = new URL(`./thread${MODULE_EXTENSION}`, import.meta.url);

/** Trains and tests every control on the same images and folds as a model, in threads. Same images, folds and seed give the same scores. */
export async function runControls(images: readonly ControlImage[], run: ControlRun): Promise<ControlScores> {
  const { folds, progress, jobs, signal } = run;
  const tasks = controlTasks(folds);
  let done = 0;
  const onDone = () => progress({ what: 'controls', done: ++done, total: tasks.length });
  const data = prepareControls(images, run);
  const answers = await mapInThreads<ControlTask, ControlAnswer[]>(tasks, {
    module: THREAD,
    jobs,
    data,
    signal,
    onDone,
  });
  return collectControls(answers.flat(), data);
}
