import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 2 }));
  await federation.kits.changeFile('hub', 'local/resources.yml', { 'max_jobs: 8': 'max_jobs: 1' });
  await federation.startServer();
});
afterAll(() => federation.close());

/** Begins a submission of 30 MB, of which only the first bytes are sent. */
async function begin(name: string) {
  const outgoing = request({
    ...(await tlsOf(federation.kits, name)),
    host: 'localhost',
    port: federation.kits.port,
    path: '/v1/jobs/',
    method: 'POST',
    agent: false,
    headers: { 'neuroflare-protocol': '2', 'content-type': 'application/json', 'content-length': 29_000_000 },
  });
  const answer = new Promise<{ status: number; code: string }>((resolve) => {
    outgoing
      .on('error', () => undefined)
      .on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, code: JSON.parse(text).code }));
      });
  });
  outgoing.write('{"terms":');
  return { answer, end: () => outgoing.destroy() };
}

describe('submissions', () => {
  it('are refused before their body, where nobody gave the right', async () => {
    const { answer, end } = await begin('mia@example.org');
    expect(await answer).toEqual({ status: 403, code: 'NF_ACCESS_DENIED' });
    end();
  });

  it('are taken one after another of a user, and of others meanwhile', async () => {
    const first = await begin('lea@example.org');
    let second = await begin('lea@example.org');
    const refused = await Promise.race([first.answer, second.answer]);
    expect(refused).toEqual({ status: 429, code: 'NF_AT_ONCE' });
    const job = await writeJob(join(root, 'job'), { patch: { workflow: { n_clients: 1 } } });
    expect(await federation.submit(job)).toMatch(/-/);
    first.end();
    second.end();
    // Who hung up has nothing under way any more.
    await until(async () => {
      second = await begin('lea@example.org');
      const { answer, end } = second;
      const silent = new Promise((resolve) => setTimeout(resolve, 300, 'taken'));
      const what = await Promise.race([answer, silent]);
      end();
      return what === 'taken';
    });
  });

  it('that come at the same moment from one user are all taken, one after another', async () => {
    const job = await writeJob(join(root, 'jobs'), { patch: { workflow: { n_clients: 1 } } });
    const ids = await Promise.all([1, 2, 3].map(() => federation.submit(job)));
    expect(new Set(ids).size).toBe(3);
  });
});

describe('a job that is offered to a site which does not answer', () => {
  it('takes no place of one that runs, and has its turn once it can begin', async () => {
    const admin = await federation.admin();
    for (const { job_id: id } of await admin.jobs({})) await admin.abort(id);
    const sites = [];
    for (const name of ['site-1', 'site-2']) sites.push(await RawSite.connect(federation.kits, name));
    const [silent, other] = sites as [RawSite, RawSite];
    const alive = setInterval(() => void silent.poll().catch(() => undefined), 2000);
    const job = await writeJob(join(root, 'offered'), {
      patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 600 } },
    });
    const first = await federation.submit(job, { clients: ['site-1'] });
    await silent.offered(first);
    const second = await federation.submit(job, { clients: ['site-2'] });
    await other.accept(second);
    await other.task(second);
    await silent.accept(first);
    const keep = setInterval(() => void other.poll().catch(() => undefined), 2000);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await admin.job(first)).status).toBe('DISPATCHED');
    await admin.abort(second);
    expect(await silent.task(first)).toMatchObject({ round: 1 });
    for (const timer of [alive, keep]) clearInterval(timer);
    for (const site of sites) await site.close();
  });
});
