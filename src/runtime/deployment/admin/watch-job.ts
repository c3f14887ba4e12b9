import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { isFinished, type JobMeta } from '../../network/messages/admin.ts';
import { isPassing } from '../../network/transfer/failures.ts';
import type { Admin, JobNews } from './admin.ts';

export interface WatchOptions {
  /** Seconds; undefined waits as long as it takes. */
  readonly timeout: number | undefined;
  readonly signal: AbortSignal;
  /** Every event once, and the job as it stands. */
  readonly onNews: (events: JobNews['events'], meta: JobMeta) => void;
  /** The way to the server is lost, or there again. */
  readonly onTrouble: (message: string | undefined) => void;
}

/** Longest time a question is held open; also how old what is shown of the sites can be. */
const HOLD_SECONDS = 2;
const PAUSE_MS = 500;

/** Follows a job to its end, over restarts of the server. @throws NF_JOB_WAIT_TIMEOUT */
export async function watchJob(admin: Admin, id: string, options: WatchOptions): Promise<JobMeta> {
  const { timeout, signal, onNews, onTrouble } = options;
  const ends = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout * 1000;
  let after = 0;
  for (let first = true; ; first = false) {
    signal.throwIfAborted();
    const left = (ends - performance.now()) / 1000;
    try {
      const waitSeconds = first ? 0 : Math.max(0, Math.min(HOLD_SECONDS, left));
      const { events, next, meta } = await admin.events(id, { after, waitSeconds });
      onTrouble(undefined);
      onNews(events, meta);
      if (isFinished(meta.status) && next === after) return meta;
      after = next;
      if (left <= 0)
        throw flError('NF_JOB_WAIT_TIMEOUT', { job: id, seconds: timeout ?? 0, status: meta.status });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      // The first question tells whether anybody is there at all.
      if (first || !isPassing(error) || left <= 0) throw error;
      onTrouble(error.message);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
