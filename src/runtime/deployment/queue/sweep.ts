/** Where the queue says that a task is; `unknown`: it has no such task (done, or lost with the queue's memory). */
export type QueueState = 'waits' | 'runs' | 'refused' | 'stalled' | 'unknown';

/** A task of which no answer has come. */
export interface Outstanding {
  readonly attempt: number;
  /** Sweeps in a row that found nothing of it. */
  readonly missed: number;
  /** Times a worker refused it for not being of this run, which is not so. */
  readonly refused: number;
}

export type Step =
  | { readonly do: 'wait'; readonly next: Outstanding }
  /** Put it into the queue once more. */
  | { readonly do: 'again'; readonly next: Outstanding }
  /** It was begun too often by workers that were lost. */
  | { readonly do: 'give up'; readonly why: 'lost' | 'forged' };

/** A worker puts its answer into the queue before it ends its task: between the two looks of a sweep both may have passed. */
const MISSES = 2;
const REFUSALS = 3;

/**
 * What becomes of a task at a look into the queue. The truth is in the run's log, the queue may forget everything at any time: what it has
 * forgotten is put there again, and an answer that comes twice is counted once.
 * @param answersWait answers lie in the queue that were not heard yet; this task's may be among them
 */
export function sweepTask(task: Outstanding, state: QueueState, answersWait: boolean): Step {
  if (state === 'stalled') return { do: 'give up', why: 'lost' };
  if (state === 'refused') {
    const refused = task.refused + 1;
    if (refused >= REFUSALS) return { do: 'give up', why: 'forged' };
    return { do: 'again', next: { attempt: task.attempt + 1, missed: 0, refused } };
  }
  if (state !== 'unknown') return { do: 'wait', next: { ...task, missed: 0 } };
  if (answersWait) return { do: 'wait', next: task };
  const missed = task.missed + 1;
  if (missed < MISSES) return { do: 'wait', next: { ...task, missed } };
  return { do: 'again', next: { ...task, attempt: task.attempt + 1, missed: 0 } };
}
