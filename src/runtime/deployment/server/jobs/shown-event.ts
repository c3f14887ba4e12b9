import { VALIDATE } from '../../../algorithms/task.ts';
import { REQUEST_LIMITS } from '../../../base/limits.ts';
import type { MetricReport } from '../../../base/logging/metrics.ts';
import type { RunEvent } from '../../../run/events.ts';
import { withoutKept } from '../../../run/kept-files.ts';

/**
 * An event as people are given it. The files of one site's answer are the server's own: who may see a job is told what its sites make
 * together, and the digest of one answer is as good as its name.
 */
export function shownEvent(event: RunEvent): RunEvent {
  if (event.type === 'round.closed' && event.state) return { ...event, state: withoutKept(event.state) };
  if (event.type === 'round.opened' && event.name === VALIDATE) return { ...event, inputs: {} };
  if (event.type === 'model.made' && event.about !== undefined) return { ...event, made: { model: UNNAMED } };
  if (event.type !== 'result.accepted') return event;
  const { state: _state, ...result } = event.result;
  return { ...event, result: { ...result, files: {} } };
}

/** Of one of several models of a round, which may be that of one site. */
const UNNAMED = { path: '', sha256: '' };

/** As somebody who watches the job is given it: what a site says in figures must not keep others from seeing how the job goes. */
export function watchedEvent(event: RunEvent, keyMetric: string): RunEvent {
  const shown = shownEvent(event);
  if (shown.type === 'round.closed') return { ...shown, metrics: fewFigures(shown.metrics, keyMetric) };
  if (shown.type !== 'result.accepted') return shown;
  const { statistics: _, ...result } = shown.result;
  return { ...shown, result: { ...result, metrics: fewFigures(result.metrics, keyMetric) } };
}

/** The figures that have room, the key metric before all, and how many have none. */
function fewFigures(metrics: MetricReport, keyMetric: string): MetricReport {
  let room = REQUEST_LIMITS.event_figures.most;
  const takes = ([name, value]: [string, unknown]) => {
    const bytes = name.length + (typeof value === 'number' ? 20 : Buffer.byteLength(JSON.stringify(value)));
    if (bytes > room) return false;
    room -= bytes;
    return true;
  };
  const entries = Object.entries(metrics);
  const ordered = [
    ...entries.filter(([name]) => name === keyMetric),
    ...entries.filter(([name]) => name !== keyMetric),
  ];
  const kept = ordered.filter(takes);
  const left = entries.length - kept.length;
  if (left === 0) return metrics;
  return { ...Object.fromEntries(kept), left_out: `${left} more; all are in the log among the job's files` };
}
