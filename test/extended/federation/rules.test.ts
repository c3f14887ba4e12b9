import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createJobView } from '../../../src/output/job-view.ts';
import type { Admin, JobNews } from '../../../src/runtime/deployment/admin/admin.ts';
import { WorkThread } from '../../../src/runtime/deployment/server/heavy-work/work-thread.ts';
import type { JobMeta } from '../../../src/runtime/network/messages/admin.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 3 });
  admin = await federation.admin();
});
afterAll(() => federation.close());

const job = (workflow: Record<string, unknown>, script = TINY_SCRIPT) =>
  writeJob(join(root, `job-${count++}`), { script, patch: { workflow } });
/** One site does not answer while `condition` holds. */
const silent = (condition: string) =>
  TINY_SCRIPT.replace(
    'const { params }',
    `if (${condition}) await new Promise(() => undefined);
  const { params }`,
  );
const eventsOf = async ({ job_id: id }: JobMeta) =>
  (await admin.events(id, { after: 0, waitSeconds: 0 })).events;
const membersOf = (events: JobNews['events']) =>
  events.flatMap(({ event }) => (event.type === 'round.opened' ? [event.sites] : []));

/** What `job monitor` writes of a job that stays as it is for a minute. */
function saidOf(meta: JobMeta): string[] {
  const lines: string[] = [];
  let now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  const view = createJobView((text) => lines.push(text), false);
  for (let second = 0; second < 60; second += 2, now += 2000) view.onNews([], meta);
  clock.mockRestore();
  return lines;
}

describe('a round', () => {
  it('is said to be averaged while that lasts, since the last answer', async () => {
    const gate = Promise.withResolvers<void>();
    const run = WorkThread.prototype.run;
    const held = vi.spyOn(WorkThread.prototype, 'run').mockImplementation(async function (
      this: WorkThread,
      ...given: Parameters<typeof run>
    ) {
      if (given[0] === 'reduce') await gate.promise;
      return run.apply(this, given);
    } as typeof run);
    const id = await federation.submit(await job({ n_clients: 3, num_rounds: 1 }));
    await until(async () => (await admin.job(id)).waiting?.what === 'averaging of round 1');
    const meta = await admin.job(id);
    const answers = (await eventsOf(meta)).filter(({ event }) => event.type === 'result.accepted');
    expect(answers).toHaveLength(3);
    expect(meta.waiting?.sites).toEqual([]);
    const since = Date.parse(meta.waiting?.since ?? '');
    expect(since).toBeGreaterThanOrEqual(Math.max(...answers.map(({ time }) => Date.parse(time))) - 50);
    expect(saidOf(meta).filter((line) => line.startsWith('waiting for averaging of round 1 since '))).toEqual(
      [expect.stringContaining('; rule: all that are waited for have answered')],
    );
    gate.resolve();
    held.mockRestore();
    const ended = await federation.wait(id);
    expect([ended.status, ended.waiting]).toEqual(['FINISHED:COMPLETED', null]);
  });

  it('ends by its rule without a straggler, and says meanwhile whom it waits for', async () => {
    const rules = { n_clients: 3, min_clients: 2, wait_time_after_min_received: 1, num_rounds: 1 };
    const id = await federation.submit(await job(rules, silent(`flare.siteName() === 'site-3'`)));
    await until(async () => (await admin.job(id)).waiting?.ends !== undefined);
    expect((await admin.job(id)).waiting).toMatchObject({
      what: 'site-3',
      sites: ['site-3'],
      rule: '2 of 3 have answered, 2 are needed, then 1 s',
    });
    const meta = await federation.wait(id);
    expect(meta.status).toBe('FINISHED:COMPLETED');
    const accepted = (await eventsOf(meta)).filter(({ event }) => event.type === 'result.accepted');
    expect(accepted).toHaveLength(4);
  });

  it('waits for a mandatory site though others are enough', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-3') await new Promise((resolve) => setTimeout(resolve, 700));
  const { params }`,
    );
    const rules = {
      n_clients: 3,
      min_clients: 1,
      wait_time_after_min_received: 0,
      mandatory_clients: ['site-3'],
      num_rounds: 1,
    };
    const events = await eventsOf(await federation.run(await job(rules, script)));
    const sites = events.flatMap(({ event }) =>
      event.type === 'result.accepted' ? [(event.result as { site: string }).site] : [],
    );
    expect(sites.filter((site) => site === 'site-3')).toHaveLength(2);
  });

  it('asks more sites than it needs, and counts the first', async () => {
    const rules = { n_clients: 3, clients_per_round: 2, over_selection: 1.5, num_rounds: 2 };
    const meta = await federation.run(await job(rules, silent(`flare.siteName() === 'site-2'`)));
    expect(meta.status).toBe('FINISHED:COMPLETED');
    expect(membersOf(await eventsOf(meta))).toEqual(Array(3).fill(['site-1', 'site-2', 'site-3']));
  });

  it('draws other sites each time where the job wants fewer', async () => {
    const meta = await federation.run(await job({ n_clients: 3, clients_per_round: 1, num_rounds: 8 }));
    const members = membersOf(await eventsOf(meta));
    expect(members.every((sites) => Array.isArray(sites) && sites.length === 1)).toBe(true);
    expect(new Set(members.flat()).size).toBeGreaterThan(1);
  });

  it('gives up a site that is gone for longer than the job waits', async () => {
    const rules = { n_clients: 3, min_clients: 2, num_rounds: 1, site_timeout: 5 };
    const id = await federation.submit(await job(rules, silent(`flare.siteName() === 'site-3'`)));
    await until(async () => (await admin.job(id)).sites[2]?.phase === 'running');
    await federation.stop('site-3');
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: { site: 'site-3', error: { code: 'NF_SITE_LOST' } },
    });
    await federation.startClient('site-3');
    await federation.connected(3);
  });

  it('is all that a site costs which is gone for longer than the job waits and comes back', async () => {
    const hangs = TINY_SCRIPT.replace(
      'const { params } = await flare.receive();',
      `const { params, currentRound } = await flare.receive();
  if (flare.siteName() === 'site-3' && currentRound === 2) await new Promise(() => undefined);`,
    );
    // Long enough for a client to start on a busy machine: in the rounds that follow it is waited for.
    const rules = { n_clients: 3, min_clients: 2, num_rounds: 4, site_timeout: 20 };
    const id = await federation.submit(await job(rules, hangs));
    await until(async () => {
      const { round, sites } = await admin.job(id);
      return round === 1 && sites[2]?.phase === 'running';
    });
    await federation.stop('site-3');
    await until(async () => (await admin.job(id)).first_failure !== null);
    await federation.startClient('site-3');
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 4, error: null });
    const events = await eventsOf(meta);
    const failed = events.flatMap(({ event }) => (event.type === 'site.failed' ? [event.task] : []));
    expect(failed).toEqual(['train/2/site-3']);
    expect(membersOf(events).at(-1)).toEqual(['site-1', 'site-2', 'site-3']);
    const { rounds } = meta.sites.find(({ site }) => site === 'site-3') ?? {};
    expect(rounds).toBeGreaterThan(1);
    expect(rounds).toBeLessThan(4);
  });

  it('opens without a late site, which joins the next one', async () => {
    await federation.stop('site-3');
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 400));
  const { params }`,
    );
    const id = await federation.submit(await job({ n_clients: 3, min_clients: 2, num_rounds: 10 }, script));
    await until(async () => (await admin.job(id)).round >= 1);
    await federation.startClient('site-3');
    const members = membersOf(await eventsOf(await federation.wait(id)));
    expect(members[0]).toEqual(['site-1', 'site-2']);
    expect(members.at(-1)).toEqual(['site-1', 'site-2', 'site-3']);
  });
});

describe('a job that needs more sites than are there', () => {
  it('waits, with a reason, and begins when they come', async () => {
    await federation.stop('site-3');
    const id = await federation.submit(await job({ n_clients: 3, num_rounds: 1 }));
    await until(async () => (await admin.job(id)).waiting?.what.includes('needs 3 sites') === true);
    expect((await admin.job(id)).status).toBe('SUBMITTED');
    await federation.startClient('site-3');
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });

  it('lets another one pass that needs fewer', async () => {
    await federation.stop('site-3');
    const waits = await federation.submit(await job({ n_clients: 3, num_rounds: 1 }));
    expect(await federation.run(await job({ n_clients: 2, num_rounds: 1 }))).toMatchObject({
      status: 'FINISHED:COMPLETED',
    });
    await admin.abort(waits);
    expect(await federation.wait(waits)).toMatchObject({ status: 'FINISHED:ABORTED' });
    await federation.startClient('site-3');
    await federation.connected(3);
  });
});

describe('a site with room for one job', () => {
  it('does one after the other', async () => {
    const slow = TINY_SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 300));
  const { params }`,
    );
    const [first, second] = [
      await federation.submit(await job({ n_clients: 3 }, slow)),
      await federation.submit(await job({ n_clients: 3 }, slow)),
    ];
    await until(async () => (await admin.job(first)).status === 'RUNNING');
    expect(await admin.job(second)).toMatchObject({
      status: 'SUBMITTED',
      waiting: { what: expect.stringContaining('site-1 runs 1 of 1 job') },
    });
    const [one, two] = [await federation.wait(first), await federation.wait(second)];
    expect(Date.parse(two.started ?? '')).toBeGreaterThanOrEqual(Date.parse(one.ended ?? ''));
  });

  it('refuses nothing that would never fit: it waits, and says why', async () => {
    const greedy = await writeJob(join(root, `job-${count++}`), { patch: { resources: { gpus: 4 } } });
    const id = await federation.submit(greedy);
    await until(
      async () => (await admin.job(id)).waiting?.what.includes('site-1 has 0 GPUs, the job takes 4') === true,
    );
    await admin.abort(id);
  });
});
