import type { AssignedTask } from '../../../network/messages/site.ts';
import type { Outbox } from './outbox.ts';

/** What the round is called in which a task is done. */
export function stageOf({ kind, round }: Pick<AssignedTask, 'kind' | 'round'>): string {
  return kind === 'evaluate' ? 'final scoring' : `round ${round}`;
}

/** What a task came to, in words that follow its stage. */
export function answerText({ answer }: Outbox): string {
  if ('result' in answer) return `is done after ${answer.result.seconds.toFixed(1)} s`;
  const { code, message } = answer.failure.error;
  return `failed here: ${code}: ${message}`;
}
