import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSources } from '../../../src/runtime/dashboard/open-sources.ts';
import type { Source } from '../../../src/runtime/dashboard/source.ts';
import type { Told } from '../../support/dashboard-requests.ts';
import { type OpenDashboard, openDashboard } from '../../support/dashboard-requests.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const ENDLESS = TINY_SCRIPT.replace('const { params }', 'while (true);\n  const { params }');
let federation: LiveFederation;
let dashboard: OpenDashboard;
let member: OpenDashboard;
const sources: Source[] = [];
const stop = new AbortController();

beforeAll(async () => {
  const kits = await makeLiveKits(join(root, 'kits'));
  // At the second site somebody looks at code before it runs.
  await kits.changeFile('site-2', 'local/site-policy.yml', { 'code: any': 'code: approved' });
  federation = new LiveFederation(kits);
  await federation.startServer();
  for (const site of ['site-1', 'site-2']) await federation.startClient(site);
  await federation.connected(2);
  const open = async (kit: string, sites: string[] = []) => {
    const opened = await openSources({
      workspaces: [],
      kits: [kits.kit(kit)],
      sites: sites.map((site) => kits.kit(site)),
      usualWorkspace: 'none',
      signal: stop.signal,
    });
    sources.push(...opened);
    return openDashboard(opened);
  };
  dashboard = await open('ann@example.org', ['site-2']);
  member = await open('mia@example.org');
});
afterAll(async () => {
  stop.abort();
  await Promise.all([dashboard.close(), member.close()]);
  await Promise.all(sources.map((source) => source.close()));
  await federation.close();
});

const answer = ({ body }: { body: string }) => JSON.parse(body) as Record<string, unknown>;
const waitsAt = (id: string) => (told: Told) =>
  told.views.get('site-2')?.jobs.some((job) => job.id === id && job.status === 'waiting for approval') ??
  false;
const approve = async (id: string) => {
  await dashboard.follow(undefined, waitsAt(id));
  const code = answer(await dashboard.get(`/code?source=site-2&job=${id}`));
  const act = { source: 'site-2', job: id, action: 'approve', code: code.code };
  expect(answer(await dashboard.act(act))).toEqual({ done: 'The code may run here.' });
  return code;
};

describe('a job of a server', () => {
  it('is followed from the site that waits for approval to its end, over a server that goes and comes back', async () => {
    const id = await federation.submit(await writeJob(join(root, 'first')));
    const told = await dashboard.follow(`server-1 ${id}`, ({ state }) =>
      (state?.waiting?.what ?? '').includes('approval of its code at site-2'),
    );
    expect(told.state).toMatchObject({
      name: 'tiny',
      tone: 'waiting',
      numRounds: 2,
      by: 'ann@example.org',
      actions: ['abort', 'clone'],
      waiting: { sites: ['site-2'] },
    });
    await dashboard.follow(undefined, waitsAt(id));
    await federation.stop('hub');
    let isBack = false;
    const back = await dashboard.follow(`server-1 ${id}`, ({ troubles, views }) => {
      const isGone = Boolean(views.get('server-1')?.trouble);
      if (isGone && troubles.some((trouble) => trouble !== null) && !isBack) {
        isBack = true;
        void federation.startServer();
      }
      return isBack && troubles.at(-1) === null && views.get('server-1')?.trouble === null;
    });
    expect(back.troubles[0]).toContain(String(federation.kits.port));
    expect(await approve(id)).toMatchObject({
      isApproved: false,
      before: null,
      files: [{ path: 'client/train.ts' }, { path: 'job.yaml' }],
    });
    const end = await dashboard.follow(
      `server-1 ${id}`,
      ({ state, rounds }) => state?.tone === 'done' && rounds.length === 3,
    );
    expect(end.state).toMatchObject({
      status: 'FINISHED:COMPLETED',
      rounds: 2,
      best: expect.any(Number),
      waiting: null,
      actions: ['clone'],
      next: [`neuroflare job download ${id}`],
    });
    expect(end.rounds.map(({ sites }) => Object.keys(sites).sort())).toEqual(
      Array.from({ length: 3 }, () => ['site-1', 'site-2']),
    );
    const { views } = await dashboard.follow(undefined, (all) => all.views.size === 2);
    expect(views.get('server-1')).toMatchObject({ label: 'brain', kind: 'server', trouble: null });
    expect(views.get('server-1')?.sites.map(({ site }) => site)).toEqual(['site-1', 'site-2']);
  });

  it('shows at the site what the next version of the code changes, what left, and who decided', async () => {
    const script = `${TINY_SCRIPT}console.log('once more');\n`;
    const id = await federation.submit(await writeJob(join(root, 'next'), { script }));
    await dashboard.follow(undefined, waitsAt(id));
    const code = answer(await dashboard.get(`/code?source=site-2&job=${id}`));
    expect(code).toMatchObject({ isApproved: false, before: { code: expect.any(String) } });
    const [train] = code.files as { path: string; change: string; lines: [string, string][] }[];
    expect(train).toMatchObject({ path: 'client/train.ts', change: 'changed' });
    expect(train?.lines.filter(([mark]) => mark !== ' ')).toEqual([['+', "console.log('once more');"]]);
    const other = { source: 'site-2', job: id, action: 'approve', code: '0'.repeat(64) };
    expect((await dashboard.act({ ...other, code: 'short' })).status).toBe(400);
    const stopped = { source: 'site-2', job: id, action: 'stop', reason: 'not today' };
    expect(answer(await dashboard.act(stopped))).toEqual({ done: 'The job does not run here any more.' });
    expect(answer(await dashboard.get('/egress?source=site-2&job=all')).sums).not.toEqual([]);
    const audit = JSON.parse((await dashboard.get('/audit?source=site-2&job=all')).body) as {
      name: string;
      findings: unknown[];
      newest: Record<string, unknown>[];
    }[];
    const decisions = audit.find(({ name }) => name === 'approvals-audit.jsonl');
    expect(decisions?.newest.map(({ action, detail }) => [action, detail])).toMatchObject([
      ['job.stop', 'not today'],
      ['code.approve', expect.any(String)],
    ]);
    expect(audit.flatMap(({ findings }) => findings)).toEqual([]);
    await federation.end(id);
  });

  it('is aborted and submitted again by who may, and by nobody else', async () => {
    const id = await federation.submit(await writeJob(join(root, 'endless'), { script: ENDLESS }), {
      clients: ['site-1', 'site-2'],
    });
    await approve(id);
    const running = await dashboard.follow(
      `server-1 ${id}`,
      ({ state }) => state?.round === 1 && state.progress.some(({ isWaitedFor }) => isWaitedFor),
    );
    expect(running.state?.waiting).toMatchObject({ rule: expect.stringContaining('0 of 2 have answered') });
    const refused = await member.act({ source: 'server-1', job: id, action: 'abort' });
    expect([refused.status, answer(refused).code]).toEqual([403, 'NF_ACCESS_DENIED']);
    expect((await dashboard.act({ source: 'server-1', job: id, action: 'abort' })).status).toBe(200);
    const aborted = await dashboard.follow(`server-1 ${id}`, ({ state }) => state?.tone === 'stopped');
    expect(aborted.state).toMatchObject({ status: 'FINISHED:ABORTED', actions: ['clone'] });
    const clone = { source: 'server-1', job: id, action: 'clone' };
    const shown = await dashboard.act({ ...clone, by: 'somebody-else@example.org' });
    expect([shown.status, answer(shown).code]).toEqual([409, 'NF_DASHBOARD_ORIGINAL']);
    const { done } = answer(await dashboard.act({ ...clone, by: aborted.state?.by }));
    const [again = ''] = /[0-9a-f-]{36}/.exec(String(done)) ?? [];
    expect(again).not.toBe(id);
    await federation.end(again);
  });

  it('that is not there is told by its code', async () => {
    const { fault } = await dashboard.follow(
      'server-1 00000000-0000-4000-8000-000000000000',
      (told) => told.fault !== undefined,
    );
    expect(fault).toBe('NF_JOB_UNKNOWN');
  });
});
