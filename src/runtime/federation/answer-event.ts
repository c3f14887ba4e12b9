import type { RunEvent } from '../run/events.ts';
import type { SiteAnswer } from './channel.ts';

/**
 * How an answer that counts stands in the run's log, or is shown.
 *
 * @param stage in the place of a failure, where its round has no number that people know
 */
export function answerEvent(answer: SiteAnswer, stage?: 'final scoring'): RunEvent {
  const { round } = answer;
  switch (answer.type) {
    case 'started':
      return { type: 'task.started', round, site: answer.site };
    case 'progress':
      return { ...answer, type: 'task.progress' };
    case 'engine':
      return { type: 'engine.used', site: answer.site, engine: answer.engine };
    case 'result':
      return { type: 'result.accepted', round, result: answer.result };
    case 'failure': {
      const { site, error } = answer;
      const place = { ...error.place, site, round, ...(stage && { stage }) };
      return { type: 'site.failed', round, site, error: { ...error, place } };
    }
  }
}
