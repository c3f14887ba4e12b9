import { evaluationTasks } from '../algorithms/evaluation/tasks.ts';
import { HARMONISATION_INPUT, HARMONISE_TASKS, harmoniseTaskOf } from '../algorithms/harmonisation/tasks.ts';
import { type OwnOptions, ownTasks } from '../algorithms/own-models.ts';
import { workflowOf } from '../algorithms/registry.ts';
import {
  COMMON_TASKS,
  type FileRule,
  isArrays,
  type TaskForm,
  VALIDATE,
  VALIDATE_FORM,
} from '../algorithms/task.ts';
import { isCrossSite } from './cross-site.ts';
import type { JobDefinition, WorkflowDefinition } from './definition.ts';
import { isJudgedAtSites } from './evaluation.ts';
import { harmonisationOf } from './harmonisation.ts';
import { localTensorsOf } from './local-tensors.ts';

/** What sites may be asked for in a job, by name. */
export function tasksOf({
  workflow,
  packing,
}: Pick<JobDefinition, 'packing'> & {
  readonly workflow: Pick<JobDefinition['workflow'], 'type' | 'options'>;
}): Readonly<Record<string, TaskForm>> {
  const validate = isCrossSite(workflow) && { [VALIDATE]: VALIDATE_FORM };
  const declared: Readonly<Record<string, TaskForm>> = {
    ...COMMON_TASKS,
    ...declaredTasks(workflow),
    ...(isJudgedAtSites(workflow) && workflow.type !== 'evaluation' && evaluationTasks('after')),
    ...validate,
  };
  const own = ownTasks(ownOptions(workflow), declared.train?.values);
  const tasks = withHarmonised(workflow, { ...declared, ...own });
  const stays = localTensorsOf(workflow);
  if (stays.length === 0 && !packing) return tasks;
  const inJob = (name: string, rule: FileRule): FileRule => ({
    ...rule,
    // Of an answer the model comes without what stays at the site.
    ...(name === 'model' && stays.length > 0 && { stays }),
    ...(packing && isArrays(rule.form) && { packing }),
  });
  return Object.fromEntries(
    Object.entries(tasks).map(([task, form]) => {
      const answer = Object.entries(form.answer).map(([name, rule]) => [name, inJob(name, rule)]);
      return [task, { ...form, answer: Object.fromEntries(answer) }];
    }),
  );
}

function declaredTasks({ type, options }: Pick<WorkflowDefinition, 'type' | 'options'>) {
  const workflow = workflowOf(type);
  return { ...workflow.tasks, ...workflow.tasksOf?.(options) };
}

/** Whether sites keep models of their own. */
export function hasOwnModels(workflow: Pick<WorkflowDefinition, 'type' | 'options'>): boolean {
  return Object.values(tasksOf({ workflow, packing: undefined })).some(({ own }) => own !== undefined);
}

function ownOptions({ options }: Pick<WorkflowDefinition, 'options'>): OwnOptions {
  return 'train_alone' in options ? options : {};
}

type Tasks = Readonly<Record<string, TaskForm>>;

/** What is found before the first training goes with every task. */
function withHarmonised(workflow: Pick<WorkflowDefinition, 'options'>, tasks: Tasks): Tasks {
  const method = harmonisationOf(workflow);
  if (method === undefined) return tasks;
  const name = harmoniseTaskOf(method);
  const given = ([name, form]: readonly [string, TaskForm]) =>
    [name, { ...form, inputs: { ...form.inputs, ...HARMONISATION_INPUT } }] as const;
  return { ...Object.fromEntries(Object.entries(tasks).map(given)), [name]: HARMONISE_TASKS[name] };
}
