import { partsOfTask, type TaskForm } from '../../../algorithms/task.ts';
import { canonicalJson, sha256 } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { networkTasksOf } from '../../../job/secure-tasks.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { Task } from '../../../site/task-order.ts';

/** A task as the server assigns it, with what the job's workflow says of it. */
export interface SiteTask extends Task {
  readonly inputs: AssignedTask['inputs'];
  /** What the site kept and must begin with. */
  readonly stateSha256: string | undefined;
}

/** @param tasks default: those that a server may ask for @throws NF_TASK_NOT_SIGNED of a task that the job's workflow does not have */
export function siteTaskOf(
  assigned: AssignedTask,
  job: JobDefinition,
  tasks: Readonly<Record<string, TaskForm>> = networkTasksOf(job),
): SiteTask {
  const { id, total_rounds: totalRounds, seed, inputs, state_sha256: stateSha256 } = assigned;
  const parts = partsOfTask(id);
  const { name, round, site } = parts;
  const form = tasks[name];
  if (form) return { ...parts, id, form, totalRounds, seed, inputs, stateSha256 };
  throw flError(
    'NF_TASK_NOT_SIGNED',
    { round, reason: `its workflow, ${job.workflow.type}, has no task '${name}'` },
    { place: { site, round } },
  );
}

/** What tells one task of a job from another: the same id with other files is another task. No task has an empty key. */
export function taskKey(task: AssignedTask | undefined): string {
  return task ? `${task.id} ${inputsDigest(task.inputs)} ${task.state_sha256 ?? ''}` : '';
}

/** Of all that a task begins with. */
export function inputsDigest(inputs: AssignedTask['inputs']): string {
  const digests = Object.entries(inputs).map(([name, file]) => [name, file.sha256]);
  return sha256(canonicalJson(Object.fromEntries(digests)));
}
