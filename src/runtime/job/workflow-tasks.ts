import { type OwnOptions, ownTasks } from '../algorithms/own-models.ts';
import { workflowOf } from '../algorithms/registry.ts';
import { COMMON_TASKS, type TaskForm, VALIDATE, VALIDATE_FORM } from '../algorithms/task.ts';
import { isCrossSite } from './cross-site.ts';
import type { WorkflowDefinition } from './definition.ts';
import { localTensorsOf } from './local-tensors.ts';

/** What sites may be asked for in a workflow, by name. */
export function tasksOf(
  workflow: Pick<WorkflowDefinition, 'type' | 'options'>,
): Readonly<Record<string, TaskForm>> {
  const validate = isCrossSite(workflow) && { [VALIDATE]: VALIDATE_FORM };
  const declared: Readonly<Record<string, TaskForm>> = {
    ...COMMON_TASKS,
    ...declaredTasks(workflow),
    ...validate,
  };
  const tasks = { ...declared, ...ownTasks(ownOptions(workflow), declared.train?.values) };
  const stays = localTensorsOf(workflow);
  if (stays.length === 0) return tasks;
  return Object.fromEntries(Object.entries(tasks).map(([name, form]) => [name, withoutLocal(form, stays)]));
}

function declaredTasks({ type, options }: Pick<WorkflowDefinition, 'type' | 'options'>) {
  const workflow = workflowOf(type);
  return { ...workflow.tasks, ...workflow.tasksOf?.(options) };
}

/** Whether sites keep models of their own. */
export function hasOwnModels(workflow: Pick<WorkflowDefinition, 'type' | 'options'>): boolean {
  return Object.values(tasksOf(workflow)).some(({ own }) => own !== undefined);
}

function ownOptions({ options }: Pick<WorkflowDefinition, 'options'>): OwnOptions {
  return 'train_alone' in options ? options : {};
}

/** Of its answer the model comes without what stays at the site. */
function withoutLocal(form: TaskForm, stays: readonly string[]): TaskForm {
  const { model } = form.answer;
  return model ? { ...form, answer: { ...form.answer, model: { ...model, stays } } } : form;
}
