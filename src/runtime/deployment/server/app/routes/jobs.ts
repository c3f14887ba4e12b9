import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import { AT_ONCE_LIMITS, UPLOAD_LIMITS } from '../../../../base/limits.ts';
import { JOB_LIMITS } from '../../../../job/limits.ts';
import { jobMeta, submission, submitted } from '../../../../network/messages/admin.ts';
import { signedJob } from '../../../../network/messages/terms.ts';
import type { Identity } from '../../../../security/certificate/identity.ts';
import { BlobFolder } from '../../../store/blob-folder.ts';
import type { ServerContext } from '../../context.ts';
import { metaOf } from '../../jobs/job-view.ts';
import { requireKnownSites } from '../../jobs/named-sites.ts';
import { PACKED_BUNDLE } from '../../jobs/packed-file.ts';
import { signedJobOf } from '../../jobs/signed-job.ts';
import { type Turn, Turns, untilAnswered } from '../../turns.ts';
import type { App } from '../app.ts';
import { jobOf, jobWithRight, ofJob } from '../job-lookup.ts';
import { noteDeed } from '../note-deed.ts';
import { uploadRoutes } from './uploads.ts';

const filter = z.object({
  name: z.string().optional().describe('part of the name'),
  study: z.string().optional(),
  token: z.string().optional().describe('of the submission'),
  max: z.coerce.number().int().min(1).optional().describe('the newest so many'),
});

/** Jobs come in and are listed. */
export function jobsRoutes(app: App, context: ServerContext): void {
  takeRoute(app, context);
  lookRoutes(app, context);
  modelRoutes(app, context);
}

function takeRoute(app: App, context: ServerContext): void {
  const { access, jobs } = context;
  const turns = new Turns({ each: AT_ONCE_LIMITS.user_submissions, all: AT_ONCE_LIMITS.submissions });
  const entered = new WeakMap<FastifyRequest, { readonly turn: Turn; readonly answered: () => void }>();
  const take = async (identity: Identity, body: Uint8Array) => {
    const { job, isNew } = await jobs.submit(identity, body, {
      mayEnter: async ({ terms: { study, clients }, cloned_from: origin }) => {
        access.requireInStudy(identity, 'submit_job', study);
        if (origin !== undefined)
          await jobWithRight(context, { identity, params: { job: origin } }, 'clone_job');
        await requireKnownSites(context, { study, clients: clients ?? undefined });
      },
      mayBringCode: ({ terms: { study } }) => access.requireInStudy(identity, 'byoc', study),
    });
    const action = job.clonedFrom === undefined ? 'job.submit' : 'job.clone';
    if (isNew) await noteDeed(context, identity, { action, job: job.id });
    return { job_id: job.id, is_new: isNew };
  };
  app.post(
    '/',
    {
      // Before a byte of the body is read: it may be large, and one thread opens what all submit.
      onRequest: async (request, reply) => {
        access.requireSomewhere(request.identity, 'submit_job');
        const turn = turns.enter(request.identity.name);
        entered.set(request, { turn, answered: untilAnswered(turn, reply.raw) });
      },
      onSend: async (request) => entered.get(request)?.answered(),
      bodyLimit: JOB_LIMITS.submission.most,
      config: { takesUnread: submission },
      schema: { summary: 'Takes a job in.', response: { 200: submitted } },
    },
    async (request) => {
      const { identity, body } = request;
      if (!(body instanceof Uint8Array)) throw flError('NF_REQUEST_FORM', { reason: 'it has no body' });
      // Who hangs up meanwhile still has it under way.
      const done = entered.get(request)?.turn.hold();
      try {
        return await take(identity, body);
      } finally {
        done?.();
      }
    },
  );
}

function lookRoutes(app: App, context: ServerContext): void {
  const { access, jobs, store } = context;
  app.get(
    '/',
    {
      config: { isLarge: true },
      schema: {
        summary: 'Jobs one may see, oldest first.',
        querystring: filter,
        response: { 200: z.object({ jobs: z.array(jobMeta) }) },
      },
    },
    async ({ identity, query: { name, study, token, max } }) => {
      const all = await store.jobs({ study, token });
      const seen = all.filter(
        (job) => access.mayWithJob(identity, 'view', job) && (name === undefined || job.name.includes(name)),
      );
      const shown = max === undefined ? seen : seen.slice(-max);
      return { jobs: await Promise.all(shown.map((job) => metaOf(context, job))) };
    },
  );

  app.get(
    '/:job/bundle',
    {
      config: { sendsBytes: true },
      schema: { summary: 'What was submitted, to submit it again.', params: ofJob },
    },
    async (request, reply) => {
      const record = await jobOf(context, request);
      const path = jobs.folder(record.id).at(PACKED_BUNDLE);
      return context.downloads.send(request, reply, { job: record.id, path, name: 'bundle' });
    },
  );

  app.get(
    '/:job/signature',
    {
      schema: { summary: 'What its submitter signed.', params: ofJob, response: { 200: signedJob } },
    },
    async (request) => signedJobOf(await jobOf(context, request), context.kit.project),
  );
}

/** Models of round 0, before the jobs that name them. */
function modelRoutes(app: App, { access, resources, state, uploads }: ServerContext): void {
  uploadRoutes(app, {
    path: '/uploads',
    params: z.object({}),
    what: 'a model of round 0',
    uploads,
    place: ({ identity }, { sha256, size }) => {
      access.require(identity, 'submit_job');
      const limit = resources.max_model_gb * 1e9;
      if (size > limit) throw flError('NF_UPLOAD_TOO_LARGE', { size, limit });
      const folder = state.userUploads(identity.name);
      const { user_files: files, user_models: models, all_models: all } = UPLOAD_LIMITS;
      const room = {
        files: files.most,
        bytes: models.most * limit,
        ofAll: { root: state.uploads, bytes: all.most * limit },
      };
      return {
        upload: { sha256, size, folder, blobs: new BlobFolder(folder), room },
        onBytes: () => undefined,
      };
    },
  });
}
