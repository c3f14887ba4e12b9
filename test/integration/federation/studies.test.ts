import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { cloneJob } from '../../../src/runtime/deployment/admin/clone.ts';
import { sendSubmission, submitJob } from '../../../src/runtime/deployment/admin/submit.ts';
import { modelForm } from '../../../src/runtime/federation/model-form.ts';
import { loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const LEA = 'lea@example.org';
const LEO = 'leo@example.org';
const MIA = 'mia@example.org';
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
});
afterAll(() => federation.close());

/** The site never answers. */
const silent = (site: string) =>
  TINY_SCRIPT.replace(
    'const { params }',
    `if (flare.siteName() === '${site}') await new Promise(() => setTimeout(() => undefined, 600_000));
  const { params }`,
  );
const job = (workflow: Record<string, unknown> = {}, script?: string) =>
  writeJob(join(root, `job-${count++}`), { patch: { workflow }, ...(script !== undefined && { script }) });
const signal = new AbortController().signal;
const submitAs = async (who: string, folder: string, study: string, options = {}) =>
  (await submitJob(await federation.admin(who), folder, { signal, study, ...options })).jobId;

describe('a study without users', () => {
  it('is nobody’s but the project admins’, before its first user and after its last', async () => {
    expect(await admin.registerStudy('brain', ['site-1'])).toMatchObject({ open: false, users: {} });
    const lea = await federation.admin(LEA);
    const folder = await job({ n_clients: 1, num_rounds: 1 });
    const isOut = async () => {
      expect((await lea.studies()).map(({ name }) => name)).toEqual(['default']);
      await expect(submitAs(LEA, folder, 'brain')).rejects.toMatchObject({ code: 'NF_STUDY_UNKNOWN' });
    };
    await isOut();
    await admin.addUser('brain', LEA, 'lead');
    const id = await submitAs(LEA, folder, 'brain');
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    await admin.removeUser('brain', LEA);
    await isOut();
    await expect(lea.job(id)).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
    expect(await admin.openStudy('brain', true)).toMatchObject({ open: true });
    expect((await lea.job(id)).study).toBe('brain');
    await expect(lea.openStudy('brain', false)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    await admin.openStudy('brain', false);
    await isOut();
    await admin.removeStudy('brain');
  });

  it('of a new team has not the jobs of the old one of its name', async () => {
    await admin.registerStudy('brain', ['site-1']);
    await admin.addUser('brain', LEA, 'lead');
    const id = await submitAs(LEA, await job({ n_clients: 1, num_rounds: 1 }), 'brain', { token: 't' });
    await federation.wait(id);
    await admin.removeStudy('brain');
    await admin.registerStudy('brain', ['site-1']);
    await admin.addUser('brain', LEO, 'lead');
    await admin.addUser('brain', LEA, 'lead');
    for (const who of [LEO, LEA]) {
      const user = await federation.admin(who);
      expect((await user.jobs({ study: 'brain' })).length).toBe(0);
      for (const look of [() => user.job(id), () => user.files(id), () => user.logs(id, {})])
        await expect(look()).rejects.toMatchObject({
          code: 'NF_JOB_UNKNOWN',
          message: `The server has no job ${id}.`,
        });
    }
    const again = await submitAs(LEA, await job({ n_clients: 1, num_rounds: 1 }), 'brain', { token: 't' });
    expect(again).not.toBe(id);
    await federation.wait(again);
    await admin.removeStudy('brain');
  });
});

describe('a site that is taken out of a study', () => {
  it('has no part in the job any more, and the others go on', async () => {
    await admin.registerStudy('pair', ['site-1', 'site-2']);
    const folder = await job(
      { n_clients: 2, min_clients: 1, wait_time_after_min_received: 600, num_rounds: 2, site_timeout: 900 },
      silent('site-2'),
    );
    const id = (await submitJob(admin, folder, { signal, study: 'pair' })).jobId;
    await until(async () => (await admin.job(id)).sites[1]?.phase === 'running');
    await admin.changeSites('pair', 'remove', ['site-2']);
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: { site: 'site-2', error: { code: 'NF_SITE_LEFT_STUDY' } },
    });
    expect(meta.sites).toMatchObject([
      { site: 'site-1', answer: 'accepted' },
      { site: 'site-2', answer: 'refused', reason: { code: 'NF_SITE_LEFT_STUDY' } },
    ]);
    await admin.removeStudy('pair');
  });

  it('ends a job that cannot do without it, and a study that is removed ends its jobs', async () => {
    await admin.registerStudy('pair', ['site-1', 'site-2']);
    const folder = await job({ n_clients: 2, num_rounds: 2, site_timeout: 900 }, silent('site-2'));
    const named = (await submitJob(admin, folder, { signal, study: 'pair', clients: ['site-1', 'site-2'] }))
      .jobId;
    await until(async () => (await admin.job(named)).sites[1]?.phase === 'running');
    await admin.changeSites('pair', 'remove', ['site-2']);
    const ended = await federation.wait(named);
    expect(ended.status).toMatch(/^FINISHED:(CAN_NOT_SCHEDULE|EXECUTION_EXCEPTION)$/);
    expect(ended.error?.message).toContain('site-2 is not in the study pair any more');
    await admin.changeSites('pair', 'add', ['site-2']);
    const submitted = await submitJob(admin, await job({ n_clients: 3 }), { signal, study: 'pair' });
    expect(submitted.warnings).toEqual([
      'a round needs 3 sites, and the study pair has 2 sites: the job waits until there are more',
    ]);
    const waiting = submitted.jobId;
    await admin.removeStudy('pair');
    expect(await federation.wait(waiting)).toMatchObject({
      status: 'FINISHED:CAN_NOT_SCHEDULE',
      error: { message: expect.stringContaining('the study pair was removed') },
    });
  });
});

describe('who is not in a study', () => {
  it('learns nothing of it by slips of names and ids, status, figures or clones', async () => {
    await admin.registerStudy('secret', ['site-1']);
    await admin.addUser('secret', LEA, 'lead');
    const folder = await job({ n_clients: 1, num_rounds: 1, site_timeout: 900 }, silent('site-1'));
    const id = await submitAs(LEA, folder, 'secret');
    await until(async () => (await admin.job(id)).sites[0]?.phase === 'running');
    const [mia, leo, lea] = await Promise.all([MIA, LEO, LEA].map((who) => federation.admin(who)));
    if (!mia || !leo || !lea) throw new Error('no admin');
    const slip = `${id.slice(0, 35)}${id.endsWith('0') ? '1' : '0'}`;
    for (const which of [slip, id.slice(0, 10), id])
      await expect(leo.job(which)).rejects.toMatchObject({
        code: 'NF_JOB_UNKNOWN',
        message: expect.not.stringContaining('mean'),
      });
    await expect(lea.job(slip)).rejects.toMatchObject({
      message: expect.stringContaining(`Did you mean '${id}'?`),
    });
    for (const name of ['secret', 'secrets']) {
      await expect(leo.study(name)).rejects.toMatchObject({ message: `There is no study '${name}'.` });
      await expect(submitAs(LEO, folder, name)).rejects.toMatchObject({
        message: `There is no study '${name}'.`,
      });
    }
    const [seenByMia] = (await mia.status()).sites;
    expect(seenByMia).toMatchObject({ name: 'site-1', connected: true, address: null, jobs: [] });
    expect((await lea.status()).sites[0]?.jobs).toMatchObject([{ job_id: id }]);
    expect((await admin.status()).sites[0]).toMatchObject({
      address: expect.any(String),
      jobs: [{ job_id: id }],
    });

    const figures = async (who: string) => {
      const { body } = await ask(federation.kits, '/metrics', await tlsOf(federation.kits, who));
      return [...new Set(body.match(/site-\d/g))].sort();
    };
    expect(await figures('ann@example.org')).toEqual(['site-1', 'site-2']);
    expect(await figures('site-2')).toEqual(['site-2']);
    expect(await figures(MIA)).toEqual([]);
    await expect(
      cloneJob(leo, id, { signal, study: 'default', onOriginal: () => undefined }),
    ).rejects.toMatchObject({
      code: 'NF_JOB_UNKNOWN',
    });
    const { body } = await ask(federation.kits, `/v1/jobs/${id}/bundle`, {
      ...(await tlsOf(federation.kits, LEA)),
      headers: { 'neuroflare-protocol': '2' },
    });
    expect(body).toContain('"files"');
    await admin.abort(id);
    await federation.wait(id);
  });

  it('takes no model of it, though the id of its job and the digest are known', async () => {
    await admin.registerStudy('warm', ['site-1']);
    await admin.addUser('warm', LEA, 'lead');
    const model = join(root, 'model.safetensors');
    await writeFile(model, encodeSafetensors({ weights: float32([41, 42, 43, 44]) }));
    const folder = await writeJob(join(root, 'warm'), { patch: { model: { initial_params: model } } });
    const origin = await submitAs(LEA, folder, 'warm');
    const loaded = await loadSubmittedJob(folder, { modelComesApart: true, mostModelBytes: 1e9 });
    const job = loaded.job.definition;
    const form = await modelForm(job, { rules: LOCAL_FILES, apart: model });
    const steal = async (who: string, clonedFrom?: string) =>
      sendSubmission(await federation.admin(who), {
        content: { job, bundle: loaded.bundle, model: form },
        wanted: { study: 'default', clients: undefined },
        model: { sha256: form.initial_sha256 ?? '', size: (await stat(model)).size },
        ...(clonedFrom !== undefined && { clonedFrom }),
        signal,
      });
    await expect(steal(LEO, origin)).rejects.toMatchObject({
      code: 'NF_JOB_UNKNOWN',
      message: `The server has no job ${origin}.`,
    });
    await expect(steal(LEO)).rejects.toMatchObject({ code: 'NF_UPLOAD_MISSING' });
    const leo = await federation.admin(LEO);
    expect((await leo.jobs({})).filter(({ initial_model: one }) => one !== null)).toEqual([]);
    expect(await steal(LEA, origin)).toMatchObject({ is_new: true });
    for (const { job_id: id } of (await admin.jobs({})).filter(({ initial_model: one }) => one !== null))
      await admin.abort(id);
    await admin.removeStudy('warm');
  });
});
