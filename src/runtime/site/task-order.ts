import type { TaskForm, TaskParts } from '../algorithms/task.ts';
import type { JobDefinition } from '../job/definition.ts';
import { localTensorsOf } from '../job/local-tensors.ts';
import { argsOfSite } from '../job/plan.ts';
import type { SiteData } from './client-api/fl-model.ts';
import type { TaskOrder } from './executor/messages.ts';
import type { CodePlace } from './script/resolve-hooks.ts';

/** What a site is to do. */
export interface Task extends TaskParts {
  readonly id: string;
  /** What it is given, and what its answer brings. */
  readonly form: TaskForm;
  readonly totalRounds: number;
  /** Of the task, as `seedOfTask` makes it. */
  readonly seed: number;
}

/** Where a task finds its files, and where its script leaves what it sends; absolute paths. */
export interface TaskPlaces {
  readonly code: CodePlace;
  readonly data: SiteData | undefined;
  /** Of each input by its name, the model among them. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What the site kept. */
  readonly state: string | undefined;
  readonly home?: string;
  readonly output: TaskOrder['output'];
}

/** The order for whoever runs the script of a task. */
export function taskOrder(
  task: Task,
  { site, job }: { readonly site: string; readonly job: JobDefinition },
  { code, data, inputs, state, home, output }: TaskPlaces,
): TaskOrder {
  const { options } = job.workflow;
  const local = localTensorsOf(job.workflow);
  const selection = job.data?.selection;
  return {
    task: {
      context: {
        task: task.name,
        ...(task.about !== undefined && { about: task.about }),
        form: task.form,
        site,
        seed: task.seed,
        totalRounds: task.totalRounds,
        currentRound: task.round,
        jobName: job.name,
        args: argsOfSite(job, site),
        data: data && { ...data, ...(selection && { selection }) },
        model: job.model.kind === 'built' ? job.model.spec : undefined,
        ...('proximal_mu' in options && { proximalMu: options.proximal_mu }),
        ...(local.length > 0 && { localTensors: local }),
        ...('scaffold_option' in options && { scaffold: options.scaffold_option }),
      },
      code,
      script: job.executor.trainScript,
      inputs,
      statePath: state,
    },
    ...(home !== undefined && { home }),
    output,
  };
}
