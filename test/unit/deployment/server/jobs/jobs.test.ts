import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { flError } from '../../../../../src/runtime/base/errors/errors.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../../../src/runtime/base/tensors/safetensors.ts';
import { atNextRing } from '../../../../../src/runtime/base/threads/bell.ts';
import { abortJob, deleteJob } from '../../../../../src/runtime/deployment/server/jobs/end-job.ts';
import type { JobRun } from '../../../../../src/runtime/deployment/server/jobs/job-run.ts';
import type { SiteTask } from '../../../../../src/runtime/federation/channel.ts';
import { RUN_FILES } from '../../../../../src/runtime/run/run-folder.ts';
import { openServerJobs, type ServerJobs } from '../../../../support/server-jobs.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const ONE_SITE = { patch: { workflow: { n_clients: 1 } } };
let count = 0;
let opened: ServerJobs[] = [];

afterEach(async () => {
  for (const server of opened) await server.close();
  opened = [];
});

async function open(folder = join(root, String(count++)), { maxJobs = 2 } = {}): Promise<ServerJobs> {
  const server = await openServerJobs(folder, { maxJobs });
  opened.push(server);
  return server;
}

/** The server stops, and another one begins in its folder. */
async function again(server: ServerJobs): Promise<ServerJobs> {
  await server.close();
  opened = opened.filter((one) => one !== server);
  return open(server.state.root);
}

const becomes = (server: ServerJobs, id: string, status: string) =>
  expect.poll(() => server.status(id), { interval: 10 }).toBe(status);

/** A site that adds one to what it receives. */
async function answer(server: ServerJobs, run: JobRun, task: SiteTask): Promise<void> {
  const { id, site, round, name } = task;
  const { blobs } = server.state.job(run.record.id);
  const { weights } = decodeSafetensors(await readFile(blobs.at(task.inputs.model.sha256)), 'model');
  if (!weights) throw new Error('no weights');
  const bytes = encodeSafetensors({ weights: { ...weights, data: weights.data.map((x) => x + 1) } });
  const digest = sha256(bytes);
  await writeFile(blobs.at(digest), bytes);
  const files = name === 'train' ? { model: { path: `blobs/${digest}`, sha256: digest } } : {};
  const metrics = { accuracy: round / 10 };
  const result = { site, paramsType: 'FULL', numExamples: 1, metrics, seconds: 0, files } as const;
  await run.channel.deliver({ type: 'result', task: id, result });
}

describe('a job that was taken in', () => {
  it('is offered when a site is there, and runs to its results', async () => {
    const server = await open();
    const { id } = await server.add({}, ONE_SITE);
    await server.start();
    expect(server.scheduler.reasonOf(id)).toContain('it needs 1 site; 0 can take it');
    server.comes('site-1');
    await becomes(server, id, 'DISPATCHED');
    const run = server.run(id);
    expect(server.scheduler.assigned('site-1')).toMatchObject([{ job_id: id }]);
    await run.decide('site-1', { answer: 'accepted' });
    await becomes(server, id, 'RUNNING');
    for (let tasks = 0; tasks < 3; tasks++) {
      let task = run.channel.task('site-1');
      for (; !task; task = run.channel.task('site-1'))
        await server.registry.bell('site-1').wait(10, { isNews: atNextRing() });
      await answer(server, run, task);
    }
    await becomes(server, id, 'FINISHED:COMPLETED');
    await server.scheduler.settled(id);
    expect(server.told).toEqual(['tiny DISPATCHED', 'tiny RUNNING', 'tiny FINISHED:COMPLETED']);
    const folder = server.state.job(id);
    const { weights } = decodeSafetensors(await readFile(folder.at(RUN_FILES.final)), 'final');
    expect([...(weights?.data ?? [])]).toEqual([3, 4, 5, 6]);
    expect(existsSync(folder.blobs.root)).toBe(false);
  });

  it('is nobody’s whom it does not ask', async () => {
    const server = await open();
    const { id } = await server.add({ clients: ['site-1'] });
    server.comes('site-1');
    server.comes('site-2');
    await server.start();
    expect(server.scheduler.forSite(id, 'site-1').record.id).toBe(id);
    expect(server.scheduler.assigned('site-2')).toEqual([]);
    expect(() => server.scheduler.forSite(id, 'site-2')).toThrow(
      expect.objectContaining({ code: 'NF_JOB_NOT_HERE' }),
    );
  });

  it('waits for its turn behind one that came before, which is offered first', async () => {
    const server = await open(undefined, { maxJobs: 1 });
    const first = await server.add({ submitted: '2026-01-01T00:00:00.000Z' }, ONE_SITE);
    const second = await server.add({ submitted: '2026-01-02T00:00:00.000Z' }, ONE_SITE);
    server.comes('site-1');
    await server.start();
    await becomes(server, first.id, 'DISPATCHED');
    expect(await server.status(second.id)).toBe('SUBMITTED');
    expect(server.scheduler.reasonOf(second.id)).toContain('the server takes 1 at a time');
    await abortJob(server, first, 'ann');
    await becomes(server, first.id, 'FINISHED:ABORTED');
    await becomes(server, second.id, 'DISPATCHED');
  });

  it('ends when its study is removed', async () => {
    const server = await open();
    const { id: studyId } = await server.studies.register('brain', { open: true, sites: ['site-1'] });
    const { id } = await server.add({ study: 'brain', studyId }, ONE_SITE);
    await server.start();
    await server.studies.remove('brain');
    await server.scheduler.keepToStudies();
    await becomes(server, id, 'FINISHED:CAN_NOT_SCHEDULE');
    expect((await server.store.job(id))?.error?.message).toContain('the study brain was removed');
  });
});

describe('a job that is aborted', () => {
  it('ends while it waits for its turn, once', async () => {
    const server = await open();
    const record = await server.add();
    await server.start();
    await abortJob(server, record, 'ann');
    await becomes(server, record.id, 'FINISHED:ABORTED');
    expect(server.told).toEqual(['tiny FINISHED:ABORTED']);
    await server.scheduler.settled(record.id);
    await expect(abortJob(server, record, 'ann')).rejects.toMatchObject({ code: 'NF_JOB_OVER' });
  });

  it('ends before it is taken up after a start', async () => {
    const server = await open();
    const record = await server.add();
    await server.restart.prepare();
    expect(server.restart.has(record.id)).toBe(true);
    await abortJob(server, record, 'ann');
    await server.restart.start();
    expect(await server.status(record.id)).toBe('FINISHED:ABORTED');
    expect(server.scheduler.find(record.id)).toBeUndefined();
  });

  it('ends after the next start where the server died before its end was written', async () => {
    const server = await open();
    const error = flError('NF_JOB_ABORTED', { who: 'ann' }).report();
    const { id } = await server.add({ status: 'RUNNING', error }, ONE_SITE);
    await server.start();
    await becomes(server, id, 'FINISHED:ABORTED');
  });

  it('is removed when it is over, and not before; what is on its way to it ends first', async () => {
    const server = await open();
    const record = await server.add();
    await server.start();
    const order: string[] = [];
    const endTransfers = async () => {
      order.push(existsSync(server.state.job(record.id).root) ? 'transfers end' : 'too late');
    };
    const remove = async () =>
      deleteJob(
        { ...server, endTransfers },
        { ...record, status: (await server.status(record.id)) ?? 'RUNNING' },
      );
    await expect(remove()).rejects.toMatchObject({ code: 'NF_JOB_NOT_OVER' });
    await abortJob(server, record, 'ann');
    await server.scheduler.settled(record.id);
    await remove();
    expect(order).toEqual(['transfers end']);
    expect(existsSync(server.state.job(record.id).root)).toBe(false);
    expect(await server.store.job(record.id)).toBeUndefined();
  });
});

describe('after a start', () => {
  it('a job is where it was', async () => {
    const server = await open();
    const { id } = await server.add({}, ONE_SITE);
    server.comes('site-1');
    await server.start();
    await becomes(server, id, 'DISPATCHED');
    await server.run(id).decide('site-1', { answer: 'accepted' });
    await becomes(server, id, 'RUNNING');
    const next = await again(server);
    await next.start();
    expect(await next.status(id)).toBe('RUNNING');
    expect(next.run(id).offers.accepted()).toEqual(['site-1']);
    await expect(next.restart.isBack).resolves.toBeUndefined();
  });

  it('a job whose files cannot be read ends with the reason, and others go on', async () => {
    const server = await open();
    const bad = await server.add();
    const good = await server.add();
    await rm(server.state.job(bad.id).at('bundle/job.yaml'));
    await server.start();
    expect(await server.status(bad.id)).toBe('FINISHED:EXECUTION_EXCEPTION');
    expect((await server.store.job(bad.id))?.error).toBeDefined();
    expect(server.scheduler.find(good.id)?.record.status).toBe('SUBMITTED');
  });

  it('submissions that were cut short are gone, and folders of jobs that nobody knows are kept elsewhere', async () => {
    const server = await open();
    const stranger = randomUUID();
    await mkdir(join(server.state.jobs, '.incoming-1'), { recursive: true });
    await mkdir(join(server.state.jobs, stranger), { recursive: true });
    await server.start();
    expect(await readdir(server.state.jobs)).toEqual([]);
    expect(server.told).toEqual([expect.stringContaining(`does not know the job ${stranger}`)]);
    expect(await readdir(server.state.lostAndFound)).toHaveLength(1);
  });

  it('no job is taken up once the server stops', async () => {
    const server = await open();
    const { id } = await server.add();
    await server.restart.prepare();
    await server.stop();
    await server.restart.start();
    expect(server.scheduler.find(id)).toBeUndefined();
    expect(await server.status(id)).toBe('SUBMITTED');
  });
});
