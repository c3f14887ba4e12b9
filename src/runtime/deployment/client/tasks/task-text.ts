import { partsOfTask } from '../../../algorithms/task.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { Outbox } from './outbox.ts';

/** What a task is called, for people. */
export function stageOf({ id }: Pick<AssignedTask, 'id'>): string {
  const { name, round, about } = partsOfTask(id);
  if (name === 'evaluate') return 'final scoring';
  if (name === 'train') return `round ${round}`;
  return about === undefined ? `${name} of round ${round}` : `${name} of the model of ${about}`;
}

/** What a task came to, in words that follow its stage. */
export function answerText({ answer }: Outbox): string {
  if ('result' in answer) return `is done after ${answer.result.seconds.toFixed(1)} s`;
  const { code, message } = answer.failure.error;
  return `failed here: ${code}: ${message}`;
}
