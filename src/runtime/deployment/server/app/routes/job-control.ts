import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import { templatesByCode } from '../../../../job/templates.ts';
import { jobMeta, resumption } from '../../../../network/messages/admin.ts';
import { logLevel } from '../../../../network/messages/shapes.ts';
import type { ServerContext } from '../../context.ts';
import { metaOf } from '../../jobs/job-view.ts';
import type { App } from '../app.ts';
import { jobOf, ofJob } from '../job-lookup.ts';
import { noteDeed } from '../note-deed.ts';

/** What changes a job. */
export function jobControlRoutes(app: App, context: ServerContext): void {
  const { access, jobs } = context;

  app.post(
    '/:job/abort',
    { schema: { summary: 'Stops a job.', params: ofJob, response: { 200: jobMeta } } },
    async (request) => {
      const record = await jobOf(context, request);
      await jobs.abort(record, request.identity.name);
      await noteDeed(context, request.identity, { action: 'job.abort', job: record.id });
      return metaOf(context, await jobs.record(record.id));
    },
  );

  app.post(
    '/:job/resume',
    {
      schema: {
        summary: 'Goes on with a job that ended without success, signed anew.',
        params: ofJob,
        body: resumption,
        response: { 200: jobMeta },
      },
    },
    async (request) => {
      const { identity, body } = request;
      const record = await jobOf(context, request);
      // It is signed anew, as a submission is.
      access.requireForJob(identity, 'submit_job', record);
      if (!(await templatesByCode()).has(record.codeSha256)) access.requireForJob(identity, 'byoc', record);
      const { isNew } = await jobs.resume(identity, record.id, body);
      const detail = `resume ${body.terms.resume ?? 0}`;
      if (isNew) await noteDeed(context, identity, { action: 'job.resume', job: record.id, detail });
      return metaOf(context, await jobs.record(record.id));
    },
  );

  app.delete(
    '/:job',
    { schema: { summary: 'Removes a finished job.', params: ofJob, response: { 200: z.object({}) } } },
    async (request) => {
      const record = await jobOf(context, request);
      await jobs.delete(record);
      await noteDeed(context, request.identity, { action: 'job.delete', job: record.id });
      return {};
    },
  );

  app.post(
    '/:job/log-level',
    {
      schema: {
        summary: 'How much the sites log of a running job.',
        params: ofJob,
        body: z.strictObject({ level: logLevel }),
        response: { 200: z.object({}) },
      },
    },
    async (request) => {
      const { id: job, status } = await jobOf(context, request);
      const { level } = request.body;
      const run = jobs.find(job);
      if (!run) throw flError('NF_JOB_OVER', { job, status });
      run.setLogLevel(level);
      await noteDeed(context, request.identity, { action: 'job.log_level', job, detail: level });
      return {};
    },
  );
}
