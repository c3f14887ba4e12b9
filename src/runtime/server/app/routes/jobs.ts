import { z } from 'zod';
import { JOB_LIMITS } from '../../../job/limits.ts';
import { flError } from '../../../kernel/errors.ts';
import { UPLOAD_LIMITS } from '../../../kernel/limits.ts';
import { BlobFolder } from '../../../store/blob-folder.ts';
import { jobMeta, submission, submitted } from '../../../wire/admin.ts';
import { signedJob } from '../../../wire/terms.ts';
import type { ServerContext } from '../../context.ts';
import { metaOf } from '../../jobs/job-view.ts';
import { requireKnownSites } from '../../jobs/named-sites.ts';
import { PACKED_BUNDLE } from '../../jobs/packed-file.ts';
import { signedJobOf } from '../../jobs/signed-job.ts';
import { sendFile } from '../../transfer/send-file.ts';
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
  const { access, jobs, store, uploads, resources, state } = context;

  app.post(
    '/',
    {
      bodyLimit: JOB_LIMITS.submission.most,
      schema: { summary: 'Takes a job in.', body: submission, response: { 200: submitted } },
    },
    async ({ identity, body }) => {
      const { study, clients } = body.terms;
      access.requireInStudy(identity, 'submit_job', study);
      if (body.cloned_from !== undefined)
        await jobWithRight(context, { identity, params: { job: body.cloned_from } }, 'clone_job');
      const mayBringCode = () => access.requireInStudy(identity, 'byoc', study);
      await requireKnownSites(context, { study, clients: clients ?? undefined });
      const { job, isNew } = await jobs.submit(identity, body, mayBringCode);
      const action = body.cloned_from === undefined ? 'job.submit' : 'job.clone';
      if (isNew) await noteDeed(context, identity, { action, job: job.id });
      return { job_id: job.id, is_new: isNew };
    },
  );

  app.get(
    '/',
    {
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
      return sendFile(request, reply, { path, name: 'bundle' });
    },
  );

  app.get(
    '/:job/signature',
    {
      schema: { summary: 'What its submitter signed.', params: ofJob, response: { 200: signedJob } },
    },
    async (request) => signedJobOf(await jobOf(context, request), context.kit.project),
  );

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
      const { user_files: files, user_models: models } = UPLOAD_LIMITS;
      const room = { files: files.most, bytes: models.most * limit };
      return {
        upload: { sha256, size, folder, blobs: new BlobFolder(folder), room },
        onBytes: () => undefined,
      };
    },
  });
}
