import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { siteJobRoutes } from '../../../../../src/runtime/deployment/server/app/routes/site-jobs.ts';
import { Downloads } from '../../../../../src/runtime/deployment/server/transfer/downloads.ts';
import { UploadDesk } from '../../../../../src/runtime/deployment/server/transfer/upload-desk.ts';
import { rememberedDeeds, routeApp, SITE_1 } from '../../../../support/route-app.ts';
import { openServerJobs, type ServerJobs } from '../../../../support/server-jobs.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let server: ServerJobs;
let audit: ReturnType<typeof rememberedDeeds>;
let app: Awaited<ReturnType<typeof routeApp>>;
let session: string;
let ours: string;
let theirs: string;

/** Two jobs that are offered: one to site-1, one to site-2. */
beforeAll(async () => {
  server = await openServerJobs(join(root, 'state'));
  audit = rememberedDeeds();
  ({ id: ours } = await server.add({ clients: ['site-1'] }));
  ({ id: theirs } = await server.add({ clients: ['site-2'] }));
  session = server.comes('site-1').id;
  server.comes('site-2');
  await server.start();
  for (const id of [ours, theirs]) await server.run(id).isBack;
  const deps = {
    ...server,
    audit,
    kit: { project: 'brain' },
    downloads: new Downloads(),
    uploads: new UploadDesk(),
    metrics: { modelBytes: () => undefined },
  };
  app = await routeApp('/v1/site/jobs', (scope) => siteJobRoutes(scope, deps));
});
afterAll(async () => {
  await app.close();
  await server.close();
});
beforeEach(() => {
  audit.deeds.length = 0;
});

const decide = (job: string, body: object, as = session) =>
  app.ask('POST', `/v1/site/jobs/${job}/decision`, { who: SITE_1, session: as, body });
const get = (path: string) => app.ask('GET', `/v1/site/jobs/${path}`, { who: SITE_1, session });

describe('a site that decides on a job', () => {
  it('is heard once, durably, and in the audit log', async () => {
    const reason = { code: 'NF_SITE_POLICY', message: 'not today', hint: '', exitCode: 2 };
    for (let times = 0; times < 2; times++)
      expect(await decide(ours, { answer: 'waiting for approval', reason })).toMatchObject({ status: 200 });
    expect(await server.store.decisions(ours)).toMatchObject([
      { site: 'site-1', answer: 'waiting for approval' },
    ]);
    expect(audit.deeds).toMatchObject([{ action: 'site.waiting_for_approval', job: ours, site: 'site-1' }]);
  });

  it('has no say over the job of another, nor over one that nobody has', async () => {
    for (const job of [theirs, randomUUID()])
      expect(await decide(job, { answer: 'accepted' })).toMatchObject({ body: { code: 'NF_JOB_NOT_HERE' } });
    expect(audit.deeds).toEqual([]);
  });

  it('is refused without its session before its body is read', async () => {
    expect(await decide(ours, { answer: 'nonsense' }, randomUUID())).toMatchObject({
      body: { code: 'NF_SESSION_REPLACED' },
    });
    expect(await decide(ours, { answer: 'nonsense' })).toMatchObject({ body: { code: 'NF_REQUEST_FORM' } });
  });
});

describe('what a site is given of a job', () => {
  it('is what its submitter signed, of its own jobs', async () => {
    expect(await get(`${ours}/signature`)).toMatchObject({ status: 200, body: { terms: { job_id: ours } } });
    expect(await get(`${theirs}/signature`)).toMatchObject({ body: { code: 'NF_JOB_NOT_HERE' } });
  });

  it('is no file but those of its task', async () => {
    expect(await get(`${ours}/files/${'a'.repeat(64)}`)).toMatchObject({
      body: { code: 'NF_FILE_UNKNOWN' },
    });
  });

  it('is whether what it keeps may be needed yet: not of a job that is over, nor of one that is not there', async () => {
    expect(await get(`${ours}/resumable`)).toMatchObject({ body: { resumable: true } });
    expect(await get(`${randomUUID()}/resumable`)).toMatchObject({ body: { resumable: false } });
    await server.store.changeJob(theirs, { status: 'FINISHED:COMPLETED' });
    expect(await get(`${theirs}/resumable`)).toMatchObject({ body: { resumable: false } });
  });
});
