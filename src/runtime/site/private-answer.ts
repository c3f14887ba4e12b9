import type { MetricReport } from '../base/logging/metrics.ts';
import type { JobDefinition } from '../job/definition.ts';
import type { Task } from './task-order.ts';

/** What is told of a task of a private job beside its model: nothing that follows from its people outside the promise. */

interface Told {
  readonly metrics: MetricReport;
  readonly numExamples: number;
}

/** How many people the steps of a task drew shows in its time, which is told in so many seconds. */
const WHOLE_SECONDS = 10;

/**
 * Figures of people stay at the site, but where a job says that they are outside its promise: the key metric is told to be undefined. What a
 * model counts for is the number of groups, which is no secret; a script's word for it might be one.
 */
export function toldPrivately<Answer extends Told>(
  answer: Answer,
  { privacy, workflow }: JobDefinition,
  { form }: Pick<Task, 'form'>,
): Answer {
  if (privacy?.metrics !== 'none') return answer;
  const trains = form.answer.model !== undefined;
  return {
    ...answer,
    metrics: { [workflow.keyMetric]: null },
    numExamples: trains ? answer.numExamples : 1,
  };
}

/** To the millisecond; of a private job tens of seconds, rounded up. */
export function toldSeconds(seconds: number, { privacy }: Pick<JobDefinition, 'privacy'>): number {
  if (!privacy) return Math.round(seconds * 1000) / 1000;
  return WHOLE_SECONDS * Math.max(1, Math.ceil(seconds / WHOLE_SECONDS));
}
