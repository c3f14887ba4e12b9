import type { RunEvent } from '../../run/events.ts';

/**
 * An event as people are given it. The files of one site's answer are the server's own: who may see a job is told what its sites make
 * together, and the digest of one answer is as good as its name.
 */
export function shownEvent(event: RunEvent): RunEvent {
  if (event.type !== 'result.accepted') return event;
  const { update: _update, state: _state, ...result } = event.result;
  return { ...event, result };
}
