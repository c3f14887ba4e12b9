import { z } from 'zod';
import { taskId } from '../algorithms/task.ts';

/** Events of versions 1 to 3: a task had no id but its round and site, and one file either way. */

const round = z.int();
const kind = z.string();
const site = z.string();
const file = z.looseObject({});

const opened = z.looseObject({ type: z.literal('round.opened'), round, kind, model: file });
const asked = z.looseObject({ type: z.literal('task.asked'), round, kind, site, model: file });
const answered = z.looseObject({ type: z.literal('round.answered'), round });
const accepted = z.looseObject({
  type: z.literal('result.accepted'),
  round,
  result: z.looseObject({ site, update: file.optional() }),
});
const ofTask = z.looseObject({
  type: z.enum(['result.dropped', 'site.failed', 'answer.taken', 'task.started', 'task.progress']),
  round,
  site,
  error: z.unknown().optional(),
});
const lastStage = z.looseObject({ place: z.looseObject({ stage: z.literal('final scoring') }) });

/**
 * Reads the events of one log, from its beginning, into today's form: which task a round was for stands where it was opened. What is
 * none of them is left to the schema. Without the beginning, the answers tell it as far as they can.
 */
export function olderEvents(): (event: Readonly<Record<string, unknown>>) => unknown {
  const names = new Map<number, string>();
  return (event) => {
    const isOpened = opened.safeParse(event);
    if (isOpened.success) {
      const { kind: name, model, ...others } = isOpened.data;
      names.set(others.round, name);
      return { ...others, name, inputs: { model } };
    }
    const isAsked = asked.safeParse(event);
    if (isAsked.success) {
      const { kind: name, model, round: at, site: by, ...others } = isAsked.data;
      names.set(at, name);
      return { ...others, task: taskId({ name, round: at, site: by }), inputs: { model } };
    }
    const isAnswered = answered.safeParse(event);
    if (isAnswered.success) return { ...isAnswered.data, name: names.get(isAnswered.data.round) ?? 'train' };
    const isAccepted = accepted.safeParse(event);
    if (isAccepted.success) {
      const { round: at, result, ...others } = isAccepted.data;
      const { update, ...figures } = result;
      const name = names.get(at) ?? (update ? 'train' : 'evaluate');
      const task = taskId({ name, round: at, site: result.site });
      return { ...others, task, result: { ...figures, files: { ...(update && { model: update }) } } };
    }
    const isOfTask = ofTask.safeParse(event);
    if (!isOfTask.success) return event;
    const { round: at, site: by, ...others } = isOfTask.data;
    const isLast = lastStage.safeParse(others.error).success;
    return {
      ...others,
      task: taskId({ name: names.get(at) ?? (isLast ? 'evaluate' : 'train'), round: at, site: by }),
    };
  };
}
