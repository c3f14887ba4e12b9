import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import { digest, jobId } from '../../../../network/messages/shapes.ts';
import { decision, resumableAnswer } from '../../../../network/messages/site.ts';
import { signedJob } from '../../../../network/messages/terms.ts';
import type { ServerContext } from '../../context.ts';
import type { JobRun } from '../../jobs/job-run.ts';
import { PACKED_BUNDLE } from '../../jobs/packed-file.ts';
import { signedJobOf } from '../../jobs/signed-job.ts';
import { saidBySite } from '../../jobs/site-left.ts';
import { countTraffic } from '../../transfer/count-traffic.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';
import { sessionOf } from './session.ts';
import { uploadRoutes } from './uploads.ts';

const ofJob = z.object({ job: jobId });
/** Another writer's header may be longer than ours. */
const HEADER_SLACK = 1024 * 1024;

export interface SiteJob {
  readonly run: JobRun;
  readonly site: string;
}

/** The job a request of a site is about, if the site has it. @throws NF_SESSION_*, NF_JOB_NOT_HERE */
export function siteJobOf(
  context: ServerContext,
  request: Pick<FastifyRequest, 'identity' | 'headers'> & { readonly params: unknown },
): SiteJob {
  const { site } = sessionOf(context, request);
  return { run: context.jobs.forSite((request.params as { job: string }).job, site), site };
}

/** A site decides on a job, fetches it, and sends what it made: for its own tasks only. */
export function siteJobRoutes(app: App, context: ServerContext): void {
  const { jobs, logger, metrics } = context;

  // Before a byte of a body is read.
  app.addHook('onRequest', async (request) => {
    if (request.method !== 'GET') siteJobOf(context, request);
  });

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
      const { run, site } = siteJobOf(context, request);
      const decided = run.thoughts.news(site, saidBySite(site, request.body));
      if (!decided) return {};
      await run.decide(site, decided);
      const { answer, reason } = decided;
      const { id: job } = run.record;
      const action = `site.${answer.replaceAll(' ', '_')}`;
      await noteDeed(context, request.identity, { action, job, site, detail: reason?.code });
      logger.info({ job, site, answer, code: reason?.code }, 'decision');
      jobs.schedule();
      return {};
    },
  );

  app.get(
    '/:job/signature',
    {
      schema: { summary: 'What its submitter signed.', params: ofJob, response: { 200: signedJob } },
    },
    async (request) => signedJobOf(siteJobOf(context, request).run.record, context.kit.project),
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
      const { site } = sessionOf(context, request);
      return { resumable: await isResumable(context, { job: request.params.job, site }) };
    },
  );

  app.get(
    '/:job/bundle',
    { config: { sendsBytes: true }, schema: { summary: "The job's files.", params: ofJob } },
    async (request, reply) => {
      const { run, site } = siteJobOf(context, request);
      const path = jobs.folder(run.record.id).at(PACKED_BUNDLE);
      const onBytes = countTraffic(metrics, { run, site, direction: 'out' });
      return context.downloads.send(request, reply, { job: run.record.id, path, name: 'bundle', onBytes });
    },
  );

  app.get(
    '/:job/models/:sha256',
    {
      config: { sendsBytes: true },
      schema: { summary: "The model of the site's task.", params: ofJob.extend({ sha256: digest }) },
    },
    async (request, reply) => {
      const { run, site } = siteJobOf(context, request);
      const name = request.params.sha256;
      if (run.channel.task(site)?.model.sha256 !== name) throw flError('NF_FILE_UNKNOWN', { path: name });
      const path = jobs.folder(run.record.id).blobs.at(name);
      const onBytes = countTraffic(metrics, { run, site, direction: 'out' });
      return context.downloads.send(request, reply, { job: run.record.id, path, name, onBytes });
    },
  );

  updateRoutes(app, context);
}

/** Whether a job may go on at a site; one that is not for this site is one that is not there. */
async function isResumable(
  { store, studies }: ServerContext,
  { job, site }: { job: string; site: string },
): Promise<boolean> {
  const record = await store.job(job);
  if (!record || !studies.hasSite(record, site)) return false;
  const { clients = null } = record.terms ?? {};
  return (clients === null || clients.includes(site)) && record.status !== 'FINISHED:COMPLETED';
}

/** What a site made of its task. */
function updateRoutes(app: App, context: ServerContext): void {
  const { jobs, metrics, uploads } = context;
  uploadRoutes(app, {
    path: '/:job/uploads',
    params: ofJob,
    what: 'an update',
    uploads,
    place: (request, { sha256, size }) => {
      const { run, site } = siteJobOf(context, request);
      const task = run.channel.task(site);
      if (task?.kind !== 'train') throw flError('NF_TASK_LATE', { site, round: task?.round ?? 'training' });
      const limit = run.training.modelSize(task.model) + HEADER_SLACK;
      if (size > limit) throw flError('NF_UPLOAD_TOO_LARGE', { size, limit });
      const sent = { sha256, instance: context.registry.get(site)?.instance ?? '' };
      run.channel.requireUpload(site, sent);
      const folder = jobs.folder(run.record.id);
      return {
        onEnd: (error) => (error === undefined ? run.channel.uploaded(site, sent) : run.channel.spoilt(site)),
        upload: { sha256, size, folder: folder.uploads(site), blobs: folder.blobs, ofOneSender: true },
        onBytes: countTraffic(metrics, { run, site, direction: 'in' }),
      };
    },
  });
}
