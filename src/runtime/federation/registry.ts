import { z } from 'zod';
import { isCrossSite } from '../job/cross-site.ts';
import type { WorkflowDefinition } from '../job/definition.ts';
import { localTensorsOf } from '../job/local-tensors.ts';
import type { WorkflowType } from '../job/workflow-options.ts';
import { VALIDATE, VALIDATE_FORM } from '../run/cross-site.ts';
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
export function tasksOf(
  workflow: Pick<WorkflowDefinition, 'type' | 'options'>,
): Readonly<Record<string, TaskForm>> {
  const validate = isCrossSite(workflow) && { [VALIDATE]: VALIDATE_FORM };
  const own = WORKFLOWS[workflow.type].tasks;
  const tasks: Readonly<Record<string, TaskForm>> = { ...COMMON_TASKS, ...own, ...validate };
  const stays = localTensorsOf(workflow);
  if (stays.length === 0) return tasks;
  return Object.fromEntries(Object.entries(tasks).map(([name, form]) => [name, withoutLocal(form, stays)]));
}

/** Of its answer the model comes without what stays at the site. */
function withoutLocal(form: TaskForm, stays: readonly string[]): TaskForm {
  const { model } = form.answer;
  return model ? { ...form, answer: { ...form.answer, model: { ...model, stays } } } : form;
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
