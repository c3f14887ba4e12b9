import { COMMON_TASKS, type TaskParts, taskId } from '../../src/runtime/algorithms/task.ts';
import type { SiteTask } from '../../src/runtime/federation/channel.ts';
import type { FileRef } from '../../src/runtime/run/events.ts';
import type { Task } from '../../src/runtime/site/task-order.ts';

type Wish = Partial<Omit<Task, 'name'>> & { readonly name?: keyof typeof COMMON_TASKS };

/** A task of one of the names that every workflow has. */
export function taskOf({ name = 'train', round = 1, site = 'site-1', ...over }: Wish = {}): Task {
  const parts: TaskParts = { name, round, site };
  return { ...parts, id: taskId(parts), form: COMMON_TASKS[name], totalRounds: 3, seed: 7, ...over };
}

/** The same with the model that it begins with. */
export function siteTaskOf({ model, ...wish }: Wish & { readonly model: FileRef }): SiteTask {
  return { ...taskOf(wish), inputs: { model } };
}
