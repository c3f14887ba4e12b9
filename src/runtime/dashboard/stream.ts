import type { FastifyReply } from 'fastify';
import { toNeuroflareError } from '../base/errors/errors.ts';
import type { JobNews, SourceView } from './shown.ts';
import type { Source } from './source.ts';
import { Changes, waits } from './sources/changes.ts';

/** Between two looks at all sources. */
const LOOK_MS = 900;

/** A job that a page follows. */
export interface Followed {
  readonly source: Source;
  readonly job: string;
}

/**
 * Sends what a page follows as server-sent events, until it leaves: `overview` with all sources whenever something has changed, and `job` with the news of
 * each job. A page has one stream, for browsers open six connections to a server at most.
 */
export async function sendStream(
  reply: FastifyReply,
  sources: readonly Source[],
  followed: readonly Followed[],
): Promise<void> {
  const left = new AbortController();
  const gone = new Promise<void>((resolve) => {
    reply.sse.onClose(() => {
      left.abort();
      resolve();
    });
  });
  // A page that has left takes nothing more, and says nothing of it.
  const send = async (event: string, data: unknown) => {
    if (!left.signal.aborted) await Promise.race([reply.sse.send({ event, data }), gone]);
  };
  const overview = sendOverviews(sources, left.signal, send);
  const jobs = followed.map(({ source, job }) => {
    const tell = (news: JobNews) => send('job', { source: source.id, job, ...news });
    return source.follow(job, { signal: left.signal, tell }).catch((thrown: unknown) => {
      const { code, message, hint } = toNeuroflareError(thrown).report();
      return send('job', { source: source.id, job, type: 'fault', code, message: `${message} ${hint}` });
    });
  });
  await Promise.all([overview, ...jobs]).catch((thrown: unknown) => {
    if (!left.signal.aborted) throw thrown;
  });
}

/** Each source for itself: one that does not answer holds up none of the others. */
async function sendOverviews(
  sources: readonly Source[],
  signal: AbortSignal,
  send: (event: string, data: unknown) => Promise<void>,
): Promise<void> {
  await send('sources', { ids: sources.map(({ id }) => id) });
  const each = sources.map(async (source) => {
    const changes = new Changes<SourceView>();
    do {
      const view = await source.look();
      if (changes.isNew(view)) await send('view', view);
    } while (await waits(LOOK_MS, signal));
  });
  await Promise.all(each);
}
