import { partsOfTask } from '../algorithms/task.ts';
import type { RunEvent } from '../run/events.ts';
import type { SiteAnswer } from './channel.ts';

/**
 * How an answer that counts stands in the run's log, or is shown.
 *
 * @param stage in the place of a failure, where its round has no number that people know
 */
export function answerEvent(answer: SiteAnswer, stage?: 'final scoring'): RunEvent {
  const { task } = answer;
  const { site, round } = partsOfTask(task);
  switch (answer.type) {
    case 'started':
      return { type: 'task.started', task };
    case 'progress':
      return { type: 'task.progress', task, done: answer.done, total: answer.total };
    case 'engine':
      return { type: 'engine.used', site, engine: answer.engine };
    case 'result':
      return { type: 'result.accepted', task, result: answer.result };
    case 'failure': {
      const { error } = answer;
      const place = { ...error.place, site, round, ...(stage && { stage }) };
      return { type: 'site.failed', task, error: { ...error, place } };
    }
  }
}
