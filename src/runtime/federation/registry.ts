import { z } from 'zod';
import type { WorkflowType } from '../job/workflow-options.ts';
import { COMMON_TASKS, type TaskForm } from '../run/task.ts';
import type { Reducer, ReducerName } from './reducer.ts';
import { buffered } from './reducers/differences.ts';
import { adagrad, adam, sgd, yogi } from './reducers/server-optimizers.ts';
import type { Workflow } from './workflow.ts';
import { cyclic } from './workflows/cyclic.ts';
import { fedAvg } from './workflows/fedavg.ts';
import { fedBuff } from './workflows/fedbuff.ts';
import { fedNova } from './workflows/fednova.ts';
import { fedOpt } from './workflows/fedopt.ts';
import { fedProx } from './workflows/fedprox.ts';
import { scaffold } from './workflows/scaffold.ts';

/** Workflows by the name a job gives in `workflow.type`; their options are declared in `job/workflow-options.ts`. */
export const WORKFLOWS: Readonly<Record<WorkflowType, Workflow>> = {
  fedavg: fedAvg,
  fedprox: fedProx,
  fedopt: fedOpt,
  cyclic,
  fedbuff: fedBuff,
  fednova: fedNova,
  scaffold,
};

/** What sites may be asked for in a workflow, by name. */
export function tasksOf(type: WorkflowType): Readonly<Record<string, TaskForm>> {
  return { ...COMMON_TASKS, ...WORKFLOWS[type].tasks };
}

/** Reducers by name, so that a workflow can have one run in another thread. */
export const REDUCERS: Readonly<Record<ReducerName, Reducer>> = {
  weighted_mean: { options: z.strictObject({}), state: [] },
  sgd,
  adam,
  adagrad,
  yogi,
  buffered,
};
