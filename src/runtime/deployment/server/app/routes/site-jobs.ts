import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { mostBytes } from '../../../../algorithms/task.ts';
import { flError } from '../../../../base/errors/errors.ts';
import type { Logger } from '../../../../base/logging/logger.ts';
import { digest, jobId } from '../../../../network/messages/shapes.ts';
import { decision, resumableAnswer } from '../../../../network/messages/site.ts';
import { signedJob } from '../../../../network/messages/terms.ts';
import type { OpenKit } from '../../../../security/kit/open.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import { countTraffic } from '../../jobs/count-traffic.ts';
import type { JobRun } from '../../jobs/job-run.ts';
import type { JobScheduler } from '../../jobs/job-scheduler.ts';
import { PACKED_BUNDLE } from '../../jobs/packed-file.ts';
import { signedJobOf } from '../../jobs/signed-job.ts';
import { saidBySite } from '../../jobs/site-left.ts';
import type { Metrics } from '../../metrics.ts';
import type { Studies } from '../../policy/studies.ts';
import type { SiteRegistry } from '../../sites/site-registry.ts';
import type { StateFolder } from '../../state-folder.ts';
import type { Downloads } from '../../transfer/downloads.ts';
import type { UploadDesk } from '../../transfer/upload-desk.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';
import { sessionOf } from './session.ts';
import { uploadRoutes } from './uploads.ts';

const ofJob = z.object({ job: jobId });
export interface SiteJob {
  readonly run: JobRun;
  readonly site: string;
}

/** What finds the job of a request of a site. */
export interface SiteJobLookup {
  readonly registry: SiteRegistry;
  readonly scheduler: Pick<JobScheduler, 'forSite' | 'look'>;
}

export interface SiteJobDeps extends SiteJobLookup {
  readonly kit: Pick<OpenKit<'server'>, 'project'>;
  readonly state: StateFolder;
  readonly store: Pick<ServerStore, 'job'>;
  readonly studies: Pick<Studies, 'hasSite'>;
  readonly downloads: Downloads;
  readonly uploads: UploadDesk;
  readonly metrics: Pick<Metrics, 'modelBytes'>;
  readonly audit: AuditLog;
  readonly logger: Logger;
}

/** The job a request of a site is about, if the site has it. @throws NF_SESSION_*, NF_JOB_NOT_HERE */
export function siteJobOf(
  { registry, scheduler }: SiteJobLookup,
  request: Pick<FastifyRequest, 'identity' | 'headers'> & { readonly params: unknown },
): SiteJob {
  const { site } = sessionOf(registry, request);
  return { run: scheduler.forSite((request.params as { job: string }).job, site), site };
}

/** A site decides on a job, fetches it, and sends what it made: for its own tasks only. */
export function siteJobRoutes(app: App, deps: SiteJobDeps): void {
  // Before a byte of a body is read.
  app.addHook('onRequest', async (request) => {
    if (request.method !== 'GET') siteJobOf(deps, request);
  });
  decisionRoutes(app, deps);
  fileRoutes(app, deps);
  updateRoutes(app, deps);
}

function decisionRoutes(app: App, deps: SiteJobDeps): void {
  const { scheduler, registry, logger, kit } = deps;
  app.post(
    '/:job/decision',
    {
      schema: {
        summary: 'A site takes a job, or does not.',
        params: ofJob,
        body: decision,
        response: { 200: z.object({}) },
      },
    },
    async (request) => {
      const { run, site } = siteJobOf(deps, request);
      const decided = run.thoughts.news(site, saidBySite(site, request.body));
      if (!decided) return {};
      await run.decide(site, decided);
      const { answer, reason } = decided;
      const { id: job } = run.record;
      const action = `site.${answer.replaceAll(' ', '_')}`;
      await noteDeed(deps, request.identity, { action, job, site, detail: reason?.code });
      logger.info({ job, site, answer, code: reason?.code }, 'decision');
      scheduler.look();
      return {};
    },
  );

  app.get(
    '/:job/signature',
    {
      schema: { summary: 'What its submitter signed.', params: ofJob, response: { 200: signedJob } },
    },
    async (request) => signedJobOf(siteJobOf(deps, request).run.record, kit.project),
  );

  app.get(
    '/:job/resumable',
    {
      schema: {
        summary: 'Whether what the site keeps of a job may be needed yet.',
        params: ofJob,
        response: { 200: resumableAnswer },
      },
    },
    async (request) => {
      const { site } = sessionOf(registry, request);
      return { resumable: await isResumable(deps, { job: request.params.job, site }) };
    },
  );
}

/** What a site needs for a job, and for its task. */
function fileRoutes(app: App, deps: SiteJobDeps): void {
  const { metrics, state, downloads } = deps;
  app.get(
    '/:job/bundle',
    { config: { sendsBytes: true }, schema: { summary: "The job's files.", params: ofJob } },
    async (request, reply) => {
      const { run, site } = siteJobOf(deps, request);
      const { id: job } = run.record;
      const path = state.job(job).at(PACKED_BUNDLE);
      const onBytes = countTraffic(metrics, { run, site, direction: 'out' });
      return downloads.send(request, reply, { job, path, name: 'bundle', onBytes });
    },
  );

  app.get(
    '/:job/files/:sha256',
    {
      config: { sendsBytes: true },
      schema: { summary: "What the site's task begins with.", params: ofJob.extend({ sha256: digest }) },
    },
    async (request, reply) => {
      const { run, site } = siteJobOf(deps, request);
      const { id: job } = run.record;
      const name = request.params.sha256;
      const inputs = Object.values(run.channel.task(site)?.inputs ?? {});
      if (!inputs.some(({ sha256 }) => sha256 === name)) throw flError('NF_FILE_UNKNOWN', { path: name });
      const path = state.job(job).blobs.at(name);
      const onBytes = countTraffic(metrics, { run, site, direction: 'out' });
      return downloads.send(request, reply, { job, path, name, onBytes });
    },
  );
}

/** Whether a job may go on at a site; one that is not for this site is one that is not there. */
async function isResumable(
  { store, studies }: Pick<SiteJobDeps, 'store' | 'studies'>,
  { job, site }: { job: string; site: string },
): Promise<boolean> {
  const record = await store.job(job);
  if (!record || !studies.hasSite(record, site)) return false;
  const { clients = null } = record.terms ?? {};
  return (clients === null || clients.includes(site)) && record.status !== 'FINISHED:COMPLETED';
}

/** What a site made of its task. */
function updateRoutes(app: App, deps: SiteJobDeps): void {
  const { registry, state, metrics, uploads } = deps;
  uploadRoutes(app, {
    path: '/:job/uploads',
    params: ofJob,
    what: 'an update',
    uploads,
    place: (request, { sha256, size }) => {
      const { run, site } = siteJobOf(deps, request);
      const task = run.channel.task(site);
      const rules = Object.values(task?.form.answer ?? {});
      if (!task || rules.length === 0)
        throw flError('NF_TASK_LATE', { site, round: task?.round ?? 'training' });
      const model = run.training.modelSize(task.inputs.model);
      const limit = Math.max(...rules.map((rule) => mostBytes(rule, model)));
      if (size > limit) throw flError('NF_UPLOAD_TOO_LARGE', { size, limit });
      const sent = { sha256, instance: registry.get(site)?.instance ?? '' };
      run.channel.requireUpload(site, sent);
      const folder = state.job(run.record.id);
      return {
        onEnd: (error) => (error === undefined ? run.channel.uploaded(site, sent) : run.channel.spoilt(site)),
        upload: { sha256, size, folder: folder.uploads(site), blobs: folder.blobs, ofOneSender: true },
        onBytes: countTraffic(metrics, { run, site, direction: 'in' }),
      };
    },
  });
}
