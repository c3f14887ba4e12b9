import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import type { Logger } from '../../../../base/logging/logger.ts';
import { templatesByCode } from '../../../../job/templates.ts';
import { jobMeta, resumption } from '../../../../network/messages/admin.ts';
import { logLevel } from '../../../../network/messages/shapes.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import { RepeatedDeeds } from '../../../../security/logs/repeated-deeds.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import { abortJob, deleteJob } from '../../jobs/end-job.ts';
import type { JobIntake } from '../../jobs/job-intake.ts';
import type { JobRestart } from '../../jobs/job-restart.ts';
import type { JobScheduler } from '../../jobs/job-scheduler.ts';
import { currentRecord, type JobViewDeps, metaOf } from '../../jobs/job-view.ts';
import type { StateFolder } from '../../state-folder.ts';
import type { App } from '../app.ts';
import { type JobLookupDeps, jobOf, ofJob } from '../job-lookup.ts';
import { noteDeed } from '../note-deed.ts';

export interface JobControlDeps extends JobLookupDeps, JobViewDeps {
  readonly scheduler: JobScheduler;
  readonly restart: JobRestart;
  readonly intake: JobIntake;
  readonly state: StateFolder;
  readonly store: JobLookupDeps['store'] & JobViewDeps['store'] & Pick<ServerStore, 'deleteJob'>;
  /** Nothing is on its way from a job or to it when it returns. */
  readonly endTransfers: (job: string) => Promise<void>;
  readonly audit: AuditLog;
  readonly logger: Pick<Logger, 'error'>;
}

/** What changes a job. */
export function jobControlRoutes(app: App, deps: JobControlDeps): void {
  endRoutes(app, deps);
  logLevelRoute(app, deps);
  const { access, intake } = deps;

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
      const record = await jobOf(deps, request);
      // It is signed anew, as a submission is.
      access.requireForJob(identity, 'submit_job', record);
      if (!(await templatesByCode()).has(record.codeSha256)) access.requireForJob(identity, 'byoc', record);
      const { isNew } = await intake.resume(identity, record.id, body);
      const detail = `resume ${body.terms.resume ?? 0}`;
      if (isNew) await noteDeed(deps, identity, { action: 'job.resume', job: record.id, detail });
      return metaOf(deps, await currentRecord(deps, record.id));
    },
  );
}

/** A level can be changed as often as one likes, which must not fill the audit log. */
function logLevelRoute(app: App, deps: JobControlDeps): void {
  const { scheduler } = deps;
  const levels = new RepeatedDeeds(deps);
  app.addHook('onClose', () => levels.close());

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
      const { id: job, status } = await jobOf(deps, request);
      const { level } = request.body;
      const run = scheduler.find(job);
      if (!run) throw flError('NF_JOB_OVER', { job, status });
      run.setLogLevel(level);
      const { name: actor, org, role } = request.identity;
      const deed = {
        actor,
        org,
        role,
        action: 'job.log_level',
        job,
        outcome: 'done',
        detail: level,
      } as const;
      await levels.note(JSON.stringify([actor, job, level]), deed);
      return {};
    },
  );
}

function endRoutes(app: App, deps: JobControlDeps): void {
  app.post(
    '/:job/abort',
    { schema: { summary: 'Stops a job.', params: ofJob, response: { 200: jobMeta } } },
    async (request) => {
      const record = await jobOf(deps, request);
      await abortJob(deps, record, request.identity.name);
      await noteDeed(deps, request.identity, { action: 'job.abort', job: record.id });
      return metaOf(deps, await currentRecord(deps, record.id));
    },
  );

  app.delete(
    '/:job',
    { schema: { summary: 'Removes a finished job.', params: ofJob, response: { 200: z.object({}) } } },
    async (request) => {
      const record = await jobOf(deps, request);
      await deleteJob(deps, record);
      await noteDeed(deps, request.identity, { action: 'job.delete', job: record.id });
      return {};
    },
  );
}
