import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { sendSubmission } from '../../../src/runtime/deployment/admin/submit.ts';
import { modelForm } from '../../../src/runtime/federation/model-form.ts';
import { loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** What somebody with a good certificate comes at by names that he makes up. */
const root = tempFolder();
const signal = new AbortController().signal;
let federation: LiveFederation;
/** A client that comes back is known by it. */
const INSTANCES = ['7d1c1a52-6c0e-4a51-9f3a-5d2f6c1b7e10', '0f2b9a52-6c0e-4a51-9f3a-5d2f6c1b7e10'] as const;
let admin: Admin;
let sites: RawSite[];
let job = '';
let other = '';
let count = 0;

async function begin(): Promise<string> {
  const folder = await writeJob(join(root, `job-${count++}`), { patch: { workflow: { site_timeout: 600 } } });
  const id = await federation.submit(folder);
  for (const site of sites) await site.accept(id);
  for (const site of sites) await site.task(id);
  return id;
}

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits')));
  await federation.startServer();
  admin = await federation.admin();
  sites = [
    await RawSite.connect(federation.kits, 'site-1', { instance: INSTANCES[0] }),
    await RawSite.connect(federation.kits, 'site-2', { instance: INSTANCES[1] }),
  ];
  [job, other] = [await begin(), await begin()];
  await sites[0]?.send('POST', `/v1/site/jobs/${other}/logs`, {
    lines: [{ time: new Date().toISOString(), level: 'info', text: 'of the other job' }],
  });
});
afterAll(async () => {
  for (const site of sites) await site.close();
  await federation.close();
});

async function get(path: string, { who = 'ann@example.org', method = 'GET' } = {}) {
  const headers = { 'neuroflare-protocol': '2', 'upload-length': '1' };
  const answer = await ask(federation.kits, path, {
    ...(await tlsOf(federation.kits, who)),
    method,
    headers,
  });
  return {
    ...answer,
    code: answer.status < 400 ? 'done' : (JSON.parse(answer.body) as { code: string }).code,
  };
}

describe('the logs of a job', () => {
  it.each([
    () => `../../${other}/sites/site-1`,
    () => `../../${other}/sites/site-1`,
    () => '../../..',
    () => '..',
    () => '.',
    () => '',
    () => 'site-1/',
    () => 'site-1/../site-1',
    () => '/etc',
    () => 'site-1\u0000',
    () => 'site-3',
  ])('are those of its own sites: %s', async (name) => {
    const { code, body } = await get(`/v1/jobs/${job}/logs?site=${encodeURIComponent(name())}`);
    expect(body).not.toContain('of the other job');
    expect(code).toBe('NF_SITE_UNKNOWN');
  });

  it('are read by the names of these', async () => {
    const mine = await get(`/v1/jobs/${job}/logs?site=site-1`);
    expect(JSON.parse(mine.body)).toMatchObject({ lines: [], missing: [{ site: 'site-1' }] });
    const there = await get(`/v1/jobs/${other}/logs?site=site-1`);
    expect(JSON.parse(there.body)).toMatchObject({ lines: [{ text: 'of the other job' }], missing: [] });
  });
});

it('a job for other sites is not there for a site that asks whether it may be resumed', async () => {
  const folder = await writeJob(join(root, `job-${count++}`));
  const named = await federation.submit(folder, { clients: ['site-1'] });
  const asked = (site: RawSite | undefined) => site?.send('GET', `/v1/site/jobs/${named}/resumable`);
  expect(await asked(sites[0])).toEqual({ resumable: true });
  expect(await asked(sites[1])).toEqual({ resumable: false });
});

describe('no route', () => {
  interface Parameter {
    readonly in: string;
    readonly name: string;
    readonly schema?: { readonly type?: string };
  }

  it('takes a way out of a folder in any of its parameters', async () => {
    const { body } = await get('/openapi.json');
    const { paths } = JSON.parse(body) as {
      paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
    };
    const before = await readFile(join(federation.state, 'audit.jsonl'), 'utf8');
    const ways = [`../../${other}/sites/site-1`, '..', `../jobs/${other}`, '../../../../../../etc/passwd'];
    let tried = 0;
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { parameters = [] }] of Object.entries(methods))
        for (const given of parameters.filter((one) => ['path', 'query'].includes(one.in)))
          for (const way of ways) {
            if (method !== 'get' && given.in === 'query') continue;
            const at = path.replace(/\{([^}]+)\}/g, (_, name) =>
              encodeURIComponent(name === given.name ? way : name === 'job' ? job : 'x'),
            );
            const url = given.in === 'query' ? `${at}?${given.name}=${encodeURIComponent(way)}` : at;
            const answer = await get(url, { method: method.toUpperCase() });
            tried++;
            expect([url, answer.body.includes('of the other job')]).toEqual([url, false]);
            expect([url, answer.body.includes('root:')]).toEqual([url, false]);
            expect([url, answer.status]).toEqual([url, expect.any(Number)]);
            expect([url, answer.status < 500]).toEqual([url, true]);
            if (given.in === 'path') expect([url, answer.code]).not.toEqual([url, 'done']);
          }
    expect(tried).toBeGreaterThan(100);
    expect((await readFile(join(federation.state, 'audit.jsonl'), 'utf8')).startsWith(before)).toBe(true);
    expect((await stat(join(federation.state, 'jobs', other, 'bundle/job.yaml'))).isFile()).toBe(true);
  });
});

describe('the update of one site', () => {
  const update = { weights: float32([31, 41, 59, 26]) };

  it('is named to nobody, and is no model of a clone', async () => {
    // A session of its own: what came before takes longer on a busy machine than one lasts that nothing is heard of.
    const two = await RawSite.connect(federation.kits, 'site-2', { instance: INSTANCES[1] });
    sites.push(two);
    await two.task(job);
    const ref = await two.upload(job, update);
    expect(await two.result(job, { update: ref, state_sha256: 'a'.repeat(64) })).toMatchObject({
      verdict: 'accepted',
    });
    const { body } = await get(`/v1/jobs/${job}/events`);
    expect(body).toContain('"result.accepted"');
    expect(body).not.toContain(ref.sha256);
    expect(body).not.toContain('a'.repeat(64));

    // Nor of another site, where one that learned the digest gives it for its own.
    const one = await RawSite.connect(federation.kits, 'site-1', { instance: INSTANCES[0] });
    sites.push(one);
    const { model } = await one.task(job);
    for (const not of [ref, model])
      await expect(one.result(job, { update: not })).rejects.toMatchObject({ code: 'NF_UPLOAD_MISSING' });

    const outside = join(root, 'mine.safetensors');
    await writeFile(outside, encodeSafetensors({ weights: float32([0, 0, 0, 0]) }));
    const folder = await writeJob(join(root, 'clone'), { patch: { model: { initial_params: outside } } });
    const loaded = await loadSubmittedJob(folder, { modelComesApart: true, mostModelBytes: 1e9 });
    const definition = loaded.job.definition;
    const form = await modelForm(definition, { rules: LOCAL_FILES, apart: outside });
    const clone = sendSubmission(await federation.admin(), {
      content: { job: definition, bundle: loaded.bundle, model: { ...form, initial_sha256: ref.sha256 } },
      wanted: { study: 'default', clients: undefined },
      model: ref,
      clonedFrom: job,
      signal,
    });
    await expect(clone).rejects.toMatchObject({ code: 'NF_UPLOAD_MISSING' });

    await admin.abort(job);
    await federation.wait(job);
    const downloaded = await federation.download(job, join(root, 'downloaded'));
    const events = await readFile(join(downloaded, 'events.jsonl'), 'utf8');
    expect(events).toContain('"result.accepted"');
    expect(events).not.toContain(ref.sha256);
    expect(events).not.toContain('a'.repeat(64));
  });
});
