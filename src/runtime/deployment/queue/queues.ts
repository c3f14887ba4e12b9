import type { Job, Queue, Worker, WorkerOptions } from 'bullmq';
import { MOST_STALLED, PACE } from './pace.ts';
import { PREFIX, type QueueLink } from './queue-link.ts';
import type { RunKey } from './run-key.ts';
import type { Signed } from './signed.ts';
import type { QueueState } from './sweep.ts';

/** The two queues of a run: orders, and what workers say of them. Answers are taken as orders are, since events of BullMQ may be lost. */
export type Line = 'orders' | 'answers';

/** Why BullMQ gives a task up whose worker was lost too often. */
const STALLED = /stalled/;

export function openQueue({ bullmq, redis }: QueueLink, key: RunKey, line: Line): Queue<Signed> {
  const queue: Queue<Signed> = new bullmq.Queue(nameOf(key, line), { connection: redis, prefix: PREFIX });
  return queue.on('error', () => undefined);
}

/** Takes what lies in a queue, so many at a time. */
export function takeFrom(
  { bullmq, redis }: QueueLink,
  { key, line, concurrency }: { readonly key: RunKey; readonly line: Line; readonly concurrency: number },
  take: (job: Job<Signed>, token: string) => Promise<void>,
): Worker<Signed> {
  const options: WorkerOptions = {
    connection: redis,
    prefix: PREFIX,
    concurrency,
    removeOnComplete: { count: 0 },
    lockDuration: PACE.lease,
    stalledInterval: PACE.check,
    maxStalledCount: MOST_STALLED,
  };
  const work = async (job: Job<Signed>, token = '') => take(job, token);
  const worker: Worker<Signed> = new bullmq.Worker(nameOf(key, line), work, options);
  return worker.on('error', () => undefined);
}

export async function stateOf(queue: Queue<Signed>, jobId: string): Promise<QueueState> {
  const state = await queue.getJobState(jobId);
  if (state === 'active') return 'runs';
  if (state === 'unknown' || state === 'completed') return 'unknown';
  if (state !== 'failed') return 'waits';
  const job = await queue.getJob(jobId);
  return STALLED.test(job?.failedReason ?? '') ? 'stalled' : 'refused';
}

/** What BullMQ writes of a queue when it is joined, which outlives the queue's end. */
export async function forgetQueues({ redis }: QueueLink, key: RunKey): Promise<void> {
  await redis.del((['orders', 'answers'] as const).map((line) => `${PREFIX}:${nameOf(key, line)}:meta`));
}

function nameOf({ id }: RunKey, line: Line): string {
  return `run-${id}-${line}`;
}
