import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import { AT_ONCE_LIMITS } from '../../../../base/limits.ts';
import {
  isFinished,
  jobEvents,
  jobFiles,
  jobMeta,
  jobStats,
  logEntries,
} from '../../../../network/messages/admin.ts';
import type { ServerContext } from '../../context.ts';
import { logText, readJobLogs } from '../../jobs/job-logs.ts';
import { eventsAfter, metaOf, statsOf } from '../../jobs/job-view.ts';
import { resultFile, resultFiles } from '../../jobs/result-files.ts';
import { Lines, Turns } from '../../turns.ts';
import type { App } from '../app.ts';
import { goneSignal } from '../gone-signal.ts';
import { jobOf, ofJob } from '../job-lookup.ts';
import { noteDeed } from '../note-deed.ts';

const count = z.coerce.number().int();
const eventsQuery = z.object({
  after: count.min(0).default(0),
  wait_seconds: z.coerce.number().min(0).max(30).default(0),
  max: count.min(1).max(1000).default(500),
});
const logsQuery = z.object({
  site: z.string().default('all').describe('server, all, or the name of a site'),
  tail: count.min(1).max(100_000).default(500).describe('the newest so many lines'),
  since: z.iso.datetime().optional(),
});

/** What is to be seen of a job: figures, events, logs, files. */
export function jobLookRoutes(app: App, context: ServerContext): void {
  const reads = new Lines({ atOnce: AT_ONCE_LIMITS.large, waiting: AT_ONCE_LIMITS.more_requests });
  const turns = new Turns({ each: AT_ONCE_LIMITS.user_logs, all: AT_ONCE_LIMITS.logs });

  app.get(
    '/:job',
    { schema: { summary: 'All of a job.', params: ofJob, response: { 200: jobMeta } } },
    async (request) => metaOf(context, await jobOf(context, request)),
  );

  app.get(
    '/:job/events',
    {
      config: { waits: true },
      schema: {
        summary: 'What happened after a number; held open until there is news.',
        params: ofJob,
        querystring: eventsQuery,
        response: { 200: jobEvents },
      },
    },
    async (request, reply) => {
      const record = await jobOf(context, request);
      const signal = goneSignal(reply);
      return eventsAfter(context, record, {
        ...request.query,
        signal,
        inTurn: (work) => reads.during(request.identity.name, work, signal),
      });
    },
  );

  app.get(
    '/:job/logs',
    {
      config: { isLarge: true },
      schema: {
        summary: 'Lines of the server, and of the sites that let them out.',
        params: ofJob,
        querystring: logsQuery,
        response: { 200: logEntries },
      },
    },
    async (request, reply) => {
      const record = await jobOf(context, request);
      return turns.during(request.identity.name, async () => {
        const entries = await readJobLogs(context, record, request.query);
        const text = await logText(entries);
        reply.serializer(() => text);
        return entries;
      });
    },
  );

  app.get(
    '/:job/stats',
    { schema: { summary: 'What a job has moved.', params: ofJob, response: { 200: jobStats } } },
    async (request) => statsOf(context, await jobOf(context, request)),
  );

  fileRoutes(app, context);
}

function fileRoutes(app: App, context: ServerContext): void {
  const { jobs } = context;
  app.get(
    '/:job/files',
    { schema: { summary: 'Files of a finished job.', params: ofJob, response: { 200: jobFiles } } },
    async (request) => {
      const record = await jobOf(context, request);
      const { id: job, status } = record;
      if (!isFinished(status)) throw flError('NF_JOB_NOT_OVER', { job, status });
      await noteDeed(context, request.identity, { action: 'job.download', job });
      return resultFiles(jobs.folder(job), record);
    },
  );

  app.get(
    '/:job/files/*',
    {
      config: { sendsBytes: true },
      schema: { summary: 'One of these files.', params: ofJob.extend({ '*': z.string() }) },
    },
    async (request, reply) => {
      const record = await jobOf(context, request);
      const name = request.params['*'];
      return context.downloads.send(request, reply, {
        job: record.id,
        path: await resultFile(jobs.folder(record.id), name, record),
        name,
      });
    },
  );
}
