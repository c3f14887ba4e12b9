import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { siteAnswerRoutes } from '../../../../../src/runtime/deployment/server/app/routes/site-answers.ts';
import { UploadDesk } from '../../../../../src/runtime/deployment/server/transfer/upload-desk.ts';
import { routeApp, SITE_1 } from '../../../../support/route-app.ts';
import { openServerJobs, type ServerJobs } from '../../../../support/server-jobs.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const SITE = 'site-1';
const TASK = 'train/1/site-1';
const FAILURE = {
  task: TASK,
  attempt: 1,
  error: { code: 'NF_SCRIPT_FAILED', message: 'it broke', hint: 'run rm -rf', exitCode: 1 },
};
const RESULT = {
  task: TASK,
  attempt: 1,
  encoding: 'safetensors',
  params_type: 'FULL',
  num_examples: 1,
  metrics: { accuracy: 0.5 },
  seconds: 1,
  files: { model: { sha256: 'a'.repeat(64), size: 10 } },
};
let server: ServerJobs;
let app: Awaited<ReturnType<typeof routeApp>>;
let session: string;
const jobs: string[] = [];

/** Jobs that site-1 has taken, each at its first task. */
beforeAll(async () => {
  server = await openServerJobs(join(root, 'state'), { maxJobs: 8 });
  for (let count = 0; count < 4; count++) {
    const { id } = await server.add({}, { patch: { workflow: { n_clients: 1 } } });
    jobs.push(id);
  }
  session = server.comes(SITE).id;
  await server.start();
  const deps = { ...server, uploads: new UploadDesk() };
  app = await routeApp('/v1/site/jobs', (scope) => siteAnswerRoutes(scope, deps));
});
afterAll(async () => {
  await app.close();
  await server.close();
});

/** A job of its own, in which the site has its first task. */
async function atWork() {
  const id = jobs.pop() ?? '';
  const run = server.run(id);
  await run.decide(SITE, { answer: 'accepted' });
  await expect.poll(() => run.channel.task(SITE)?.id, { interval: 10, timeout: 60_000 }).toBe(TASK);
  const say = (what: 'reports' | 'results' | 'failures', body: object) =>
    app.ask('POST', `/v1/site/jobs/${id}/${what}`, { who: SITE_1, session, body });
  return { id, run, say };
}

describe('what a site says of its task', () => {
  it('is how far it is, of this task alone', async () => {
    const { run, say } = await atWork();
    const progress = { done: 1, total: 2 };
    await say('reports', { task: 'train/2/site-1', progress });
    expect(run.channel.progress(SITE)).toBeUndefined();
    await say('reports', { task: TASK, started: true, progress });
    expect(run.channel.progress(SITE)).toEqual(progress);
    expect(server.registry.get(SITE)?.jobs).toMatchObject([{ phase: 'running', task: TASK }]);
  });

  it('is why it could not be done: once, in the name of the site, whatever it says of itself', async () => {
    const { id, say } = await atWork();
    expect(await say('failures', FAILURE)).toMatchObject({ body: { verdict: 'accepted' } });
    await expect.poll(() => server.status(id), { interval: 10 }).toBe('FINISHED:EXECUTION_EXCEPTION');
    expect((await server.store.job(id))?.outcome?.firstFailure).toMatchObject({
      site: SITE,
      round: 1,
      error: { code: 'NF_SCRIPT_FAILED', hint: 'site-1 says: run rm -rf', place: { site: SITE, round: 1 } },
    });
  });

  it('counts for nothing where the task is of another site', async () => {
    const { run, say } = await atWork();
    const stranger = { ...FAILURE, task: 'train/1/site-2' };
    expect(await say('failures', stranger)).toMatchObject({ body: { verdict: 'stranger' } });
    expect(await say('results', { ...RESULT, task: 'train/1/site-2' })).toMatchObject({
      body: { verdict: 'stranger' },
    });
    expect(run.channel.task(SITE)?.id).toBe(TASK);
  });

  it('is asked for again where its file has not come, and fails it where its form is none', async () => {
    const { id, run, say } = await atWork();
    expect(await say('results', RESULT)).toMatchObject({ body: { code: 'NF_UPLOAD_MISSING' } });
    expect(run.channel.task(SITE)?.id).toBe(TASK);
    expect(await say('results', { ...RESULT, files: {} })).toMatchObject({
      body: { code: 'NF_RESULT_INVALID' },
    });
    await expect.poll(() => server.status(id), { interval: 10 }).toBe('FINISHED:EXECUTION_EXCEPTION');
    expect((await server.store.job(id))?.outcome?.firstFailure).toMatchObject({
      site: SITE,
      error: { code: 'NF_RESULT_INVALID' },
    });
  });
});
