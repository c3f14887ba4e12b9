import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../../../../base/errors/errors.ts';
import { AT_ONCE_LIMITS, UPLOAD_LIMITS } from '../../../../base/limits.ts';
import { JOB_LIMITS } from '../../../../job/limits.ts';
import { jobMeta, submission, submitted } from '../../../../network/messages/admin.ts';
import { signedJob } from '../../../../network/messages/terms.ts';
import type { Identity } from '../../../../security/certificate/identity.ts';
import type { OpenKit } from '../../../../security/kit/open.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import type { ServerResources } from '../../../../security/policy/resources.ts';
import { BlobFolder } from '../../../store/blob-folder.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import type { JobIntake } from '../../jobs/job-intake.ts';
import { type JobViewDeps, metaOf } from '../../jobs/job-view.ts';
import { requireKnownSites } from '../../jobs/named-sites.ts';
import { PACKED_BUNDLE } from '../../jobs/packed-file.ts';
import { signedJobOf } from '../../jobs/signed-job.ts';
import type { Access } from '../../policy/access.ts';
import type { Studies } from '../../policy/studies.ts';
import type { StateFolder } from '../../state-folder.ts';
import type { Downloads } from '../../transfer/downloads.ts';
import type { UploadDesk } from '../../transfer/upload-desk.ts';
import { type Turn, Turns, untilAnswered } from '../../turns.ts';
import type { App } from '../app.ts';
import { type JobLookupDeps, jobOf, jobWithRight, ofJob } from '../job-lookup.ts';
import { noteDeed } from '../note-deed.ts';
import { uploadRoutes } from './uploads.ts';

const filter = z.object({
  name: z.string().optional().describe('part of the name'),
  study: z.string().optional(),
  token: z.string().optional().describe('of the submission'),
  max: z.coerce.number().int().min(1).optional().describe('the newest so many'),
});

interface TakeDeps extends JobLookupDeps {
  readonly intake: Pick<JobIntake, 'submit'>;
  readonly studies: Studies;
  readonly store: JobLookupDeps['store'] & Pick<ServerStore, 'sites'>;
  readonly audit: AuditLog;
}

interface ListDeps extends JobViewDeps {
  readonly access: Access;
  readonly kit: Pick<OpenKit<'server'>, 'project'>;
  readonly state: StateFolder;
  readonly store: JobViewDeps['store'] & Pick<ServerStore, 'jobs'>;
  readonly downloads: Downloads;
}

interface ModelDeps {
  readonly access: Access;
  readonly resources: Pick<ServerResources, 'max_model_gb'>;
  readonly state: StateFolder;
  readonly uploads: UploadDesk;
}

export type JobsDeps = TakeDeps & ListDeps & ModelDeps;

/** Jobs come in and are listed. */
export function jobsRoutes(app: App, deps: JobsDeps): void {
  takeRoute(app, deps);
  listRoute(app, deps);
  submittedRoutes(app, deps);
  modelRoutes(app, deps);
}

function takeRoute(app: App, deps: TakeDeps): void {
  const { access, intake } = deps;
  const turns = new Turns({ each: AT_ONCE_LIMITS.user_submissions, all: AT_ONCE_LIMITS.submissions });
  const entered = new WeakMap<FastifyRequest, { readonly turn: Turn; readonly answered: () => void }>();
  const take = async (identity: Identity, body: Uint8Array) => {
    const { job, isNew } = await intake.submit(identity, body, {
      mayEnter: async ({ terms: { study, clients }, cloned_from: origin }) => {
        access.requireInStudy(identity, 'submit_job', study);
        if (origin !== undefined)
          await jobWithRight(deps, { identity, params: { job: origin } }, 'clone_job');
        await requireKnownSites(deps, { study, clients: clients ?? undefined });
      },
      mayBringCode: ({ terms: { study } }) => access.requireInStudy(identity, 'byoc', study),
    });
    const action = job.clonedFrom === undefined ? 'job.submit' : 'job.clone';
    if (isNew) await noteDeed(deps, identity, { action, job: job.id });
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

function listRoute(app: App, deps: ListDeps): void {
  const { access, store } = deps;
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
      return { jobs: await Promise.all(shown.map((job) => metaOf(deps, job))) };
    },
  );
}

/** What was submitted of one job. */
function submittedRoutes(app: App, deps: ListDeps): void {
  const { state, downloads, kit } = deps;
  app.get(
    '/:job/bundle',
    {
      config: { sendsBytes: true },
      schema: { summary: 'What was submitted, to submit it again.', params: ofJob },
    },
    async (request, reply) => {
      const record = await jobOf(deps, request);
      const path = state.job(record.id).at(PACKED_BUNDLE);
      return downloads.send(request, reply, { job: record.id, path, name: 'bundle' });
    },
  );

  app.get(
    '/:job/signature',
    {
      schema: { summary: 'What its submitter signed.', params: ofJob, response: { 200: signedJob } },
    },
    async (request) => signedJobOf(await jobOf(deps, request), kit.project),
  );
}

/** Models of round 0, before the jobs that name them. */
function modelRoutes(app: App, { access, resources, state, uploads }: ModelDeps): void {
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
