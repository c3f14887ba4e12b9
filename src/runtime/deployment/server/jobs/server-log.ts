import { partsOfTask } from '../../../algorithms/task.ts';
import { counted } from '../../../base/text/counted.ts';
import type { RunEvent } from '../../../run/events.ts';
import type { LogLine } from './site-logs.ts';

/** A job's events as lines for people. */
export function lineOf({ time, event }: { time: string; event: RunEvent }): LogLine | undefined {
  const text = textOf(event);
  if (text === undefined) return undefined;
  const level = event.type === 'run.failed' || event.type === 'site.failed' ? 'error' : 'info';
  return { time, level, text };
}

function textOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'run.opened':
      return event.resumedFromRound === undefined
        ? 'the run begins'
        : `the run goes on after round ${event.resumedFromRound}`;
    case 'run.resumed':
      return `${event.by} resumed the job after round ${event.round}`;
    case 'model.initial':
      return `model 0 is ${event.model.sha256}`;
    case 'round.opened':
      return `round ${event.round} (${[event.name, event.about].filter(Boolean).join(' of ')}) opened with ${event.sites.join(', ')}`;
    case 'engine.used':
      return `${event.site} computes with ${event.engine.name} on ${event.engine.device} (${event.engine.library})`;
    case 'result.accepted':
      return `${taskText(event.task)}: ${event.result.site} answered after ${event.result.seconds} s, ${counted(event.result.numExamples, 'example')}`;
    case 'result.dropped':
      return `${taskText(event.task)}: the answer of ${partsOfTask(event.task).site} is asked for again: ${event.reason}`;
    case 'site.failed':
      return `${event.error.place?.stage ?? taskText(event.task)}: ${partsOfTask(event.task).site} failed: ${event.error.code}: ${event.error.message}`;
    case 'round.closed':
      return closedText(event);
    case 'run.interrupted':
      return `stopped: ${event.signal}`;
    case 'run.failed':
      return `failed: ${event.error.code}: ${event.error.message}`;
    case 'run.finished':
      return `finished with model ${event.model.sha256}`;
    case 'task.asked':
      return `${partsOfTask(event.task).site} is asked for ${event.task}`;
    case 'answer.taken':
    case 'members.chosen':
    case 'round.answered':
    case 'model.made':
    case 'task.started':
    case 'task.progress':
      return undefined;
  }
}

/** Training is what rounds are for; other tasks are named. */
function taskText(task: string): string {
  const { name, round } = partsOfTask(task);
  return name === 'train' || name === 'evaluate' ? `round ${round}` : `round ${round} (${task})`;
}

function closedText({ round, model, notes = [] }: RunEvent & { type: 'round.closed' }): string {
  return [`round ${round} closed${model ? `, model ${round} is ${model.sha256}` : ''}`, ...notes].join('; ');
}
