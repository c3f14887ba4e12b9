import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { taskId } from '../../../src/runtime/algorithms/task.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits')));
  await federation.startServer();
  admin = await federation.admin();
});
afterAll(() => federation.close());

const report = (code: string) => ({
  code,
  message: `${code} at the site`,
  hint: 'look there',
  exitCode: 1,
  place: { file: '/data/of/the/site' },
});

/** Codes by which a server decides on its own failures, and such as it has never heard of. */
const CODES = [
  'NF_INTERRUPTED',
  'NF_DISK_FULL',
  'NF_STORE_DISK',
  'NF_PATH_DENIED',
  'NF_FILES_OPEN',
  'NF_JOB_ABORTED',
  'NF_JOB_NOT_SCHEDULED',
  'NF_KEY_METRIC_MISSING',
  'NF_REPORTED_FAILURE',
  'constructor',
  '__proto__',
  'NF_NEVER_HEARD_OF',
  '',
];

async function begun(workflow: Record<string, unknown> = {}) {
  const job = await writeJob(join(root, `job-${count++}`), { patch: { workflow } });
  const sites = [
    await RawSite.connect(federation.kits, 'site-1'),
    await RawSite.connect(federation.kits, 'site-2'),
  ] as const;
  const id = await federation.submit(job);
  for (const site of sites) await site.accept(id);
  for (const site of sites) await site.task(id);
  const fail = (site: RawSite, code: string, round = 1) => {
    const task = taskId({ name: 'train', round, site: site.name });
    return site.send('POST', `/v1/site/jobs/${id}/failures`, { task, attempt: 1, error: report(code) });
  };
  const close = async () => {
    await Promise.all(sites.map((site) => site.close()));
    await federation.end(id);
  };
  return { id, sites, fail, close };
}

describe('the failure of a site', () => {
  it.each(CODES)("is the site's, whatever its code: '%s' ends the job as a failure, once", async (code) => {
    const { id, sites, fail, close } = await begun();
    await fail(sites[1], code);
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: { code, message: `${code} at the site`, place: { site: 'site-2', file: '/data/of/the/site' } },
      first_failure: { site: 'site-2', round: 1, error: { code } },
    });
    const { events } = await admin.events(id, { after: 0, waitSeconds: 0 });
    expect(events.filter(({ event }) => event.type === 'run.opened')).toHaveLength(1);
    expect(events.at(-1)?.event).toMatchObject({ type: 'run.failed', error: { code } });
    await close();
  });

  it.each(['NF_DISK_FULL', 'NF_INTERRUPTED'])('%s counts by the rule of the round', async (code) => {
    const { id, sites, fail, close } = await begun({ min_clients: 1, num_rounds: 1 });
    await fail(sites[1], code);
    const task = await sites[0].task(id);
    const update = await sites[0].upload(id, await sites[0].model(id, task.model.sha256));
    await sites[0].result(id, { update });
    await until(async () => (await sites[0].task(id)).round === 2);
    expect(await admin.job(id)).toMatchObject({ status: 'RUNNING', first_failure: { error: { code } } });
    await close();
  });

  it('that ended a job while the server was killed ends it the same way at the next start', async () => {
    const { id, sites, close } = await begun();
    const { DatabaseSync } = await import('node:sqlite');
    await Promise.all(sites.map((site) => site.close()));
    await federation.stop('hub');
    const database = new DatabaseSync(join(federation.state, 'state.db'));
    const last = database.prepare('SELECT max(seq) AS seq FROM events WHERE job = ?').get(id) as {
      seq: number;
    };
    const event = { type: 'run.failed', error: { ...report('NF_DISK_FULL'), place: { site: 'site-2' } } };
    database
      .prepare('INSERT INTO events (job, seq, time, event) VALUES (?, ?, ?, ?)')
      .run(id, last.seq + 1, new Date().toISOString(), JSON.stringify(event));
    database.close();
    await federation.startServer();
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: { code: 'NF_DISK_FULL', place: { site: 'site-2' } },
    });
    await close();
  });
});

describe('the refusal of a site', () => {
  it('between its answer and the next round ends a job that cannot do without it, as one in a round does', async () => {
    const { id, sites, close } = await begun();
    const [one, two] = sites;
    const answer = async (site: RawSite) => {
      const update = await site.upload(id, await site.model(id, (await site.task(id)).model.sha256));
      expect(await site.result(id, { update })).toMatchObject({ verdict: 'accepted' });
    };
    await answer(two);
    await two.send('POST', `/v1/site/jobs/${id}/decision`, {
      answer: 'refused',
      reason: report('NF_SITE_STOPPED'),
    });
    await answer(one);
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      round: 1,
      error: {
        code: 'NF_SITE_LEFT',
        message: expect.stringContaining('NF_SITE_STOPPED at the site'),
        place: { site: 'site-2' },
      },
    });
    await close();
  });

  it("is the site's, under no code of the server's own: it is not taken for one that the server took out", async () => {
    const { id, sites, close } = await begun({ min_clients: 1 });
    await sites[1].send('POST', `/v1/site/jobs/${id}/decision`, {
      answer: 'refused',
      reason: report('NF_SITE_LEFT_STUDY'),
    });
    const { first_failure: first, sites: said } = await admin.job(id);
    expect(first).toMatchObject({
      site: 'site-2',
      error: { code: 'NF_SITE_LEFT', message: expect.stringContaining('NF_SITE_LEFT_STUDY at the site') },
    });
    expect(said.find(({ site }) => site === 'site-2')?.reason?.code).toBe('NF_SITE_LEFT');
    await close();
  });
});
