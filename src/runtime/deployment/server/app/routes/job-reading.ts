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
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import { type JobLogDeps, logText, readJobLogs } from '../../jobs/job-logs.ts';
import { eventsAfter, type JobViewDeps, metaOf, statsOf } from '../../jobs/job-view.ts';
import { resultFile, resultFiles } from '../../jobs/result-files.ts';
import type { StateFolder } from '../../state-folder.ts';
import type { Downloads } from '../../transfer/downloads.ts';
import { Lines, Turns } from '../../turns.ts';
import type { App } from '../app.ts';
import { goneSignal } from '../gone-signal.ts';
import { type JobLookupDeps, jobOf, ofJob } from '../job-lookup.ts';
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

type LookDeps = JobLookupDeps & JobViewDeps;

interface FileDeps extends JobLookupDeps {
  readonly state: StateFolder;
  readonly downloads: Downloads;
  readonly audit: AuditLog;
}

export type JobReadingDeps = LookDeps & JobLogDeps & FileDeps;

/** What is to be seen of a job: figures, events, logs, files. */
export function jobReadingRoutes(app: App, deps: JobReadingDeps): void {
  lookRoutes(app, deps);
  eventsRoute(app, deps);
  logsRoute(app, deps);
  fileRoutes(app, deps);
}

function lookRoutes(app: App, deps: LookDeps): void {
  app.get(
    '/:job',
    { schema: { summary: 'All of a job.', params: ofJob, response: { 200: jobMeta } } },
    async (request) => metaOf(deps, await jobOf(deps, request)),
  );

  app.get(
    '/:job/stats',
    { schema: { summary: 'What a job has moved.', params: ofJob, response: { 200: jobStats } } },
    async (request) => statsOf(deps, await jobOf(deps, request)),
  );
}

function eventsRoute(app: App, deps: LookDeps): void {
  const reads = new Lines({ atOnce: AT_ONCE_LIMITS.large, waiting: AT_ONCE_LIMITS.more_requests });
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
      const record = await jobOf(deps, request);
      const signal = goneSignal(reply);
      return eventsAfter(deps, record, {
        ...request.query,
        signal,
        inTurn: (work) => reads.during(request.identity.name, work, signal),
      });
    },
  );
}

function logsRoute(app: App, deps: LookDeps & JobLogDeps): void {
  const turns = new Turns({ each: AT_ONCE_LIMITS.user_logs, all: AT_ONCE_LIMITS.logs });
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
      const record = await jobOf(deps, request);
      return turns.during(request.identity.name, async () => {
        const entries = await readJobLogs(deps, record, request.query);
        const text = await logText(entries);
        reply.serializer(() => text);
        return entries;
      });
    },
  );
}

function fileRoutes(app: App, deps: FileDeps): void {
  const { state, downloads } = deps;
  app.get(
    '/:job/files',
    { schema: { summary: 'Files of a finished job.', params: ofJob, response: { 200: jobFiles } } },
    async (request) => {
      const record = await jobOf(deps, request);
      const { id: job, status } = record;
      if (!isFinished(status)) throw flError('NF_JOB_NOT_OVER', { job, status });
      await noteDeed(deps, request.identity, { action: 'job.download', job });
      return resultFiles(state.job(job), record);
    },
  );

  app.get(
    '/:job/files/*',
    {
      config: { sendsBytes: true },
      schema: { summary: 'One of these files.', params: ofJob.extend({ '*': z.string() }) },
    },
    async (request, reply) => {
      const record = await jobOf(deps, request);
      const name = request.params['*'];
      return downloads.send(request, reply, {
        job: record.id,
        path: await resultFile(state.job(record.id), name, record),
        name,
      });
    },
  );
}
