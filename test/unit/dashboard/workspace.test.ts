import { appendFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceView } from '../../../src/runtime/dashboard/shown.ts';
import { WorkspaceSource } from '../../../src/runtime/dashboard/sources/workspace.ts';
import { type OpenDashboard, openDashboard } from '../../support/dashboard-requests.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const EVIL = '<img src=x onerror=alert(1)>';
const root = tempFolder();
const workspace = join(root, 'work');
let dashboard: OpenDashboard;
let run = '';
let name = '';

beforeAll(async () => {
  const script = TINY_SCRIPT.replace(
    'await flare.init();',
    `await flare.init();\nconsole.log('${EVIL}');`,
  ).replace('const metrics = {', `const metrics = { '${EVIL}': 1, text: '${EVIL}', infinite: 0,`);
  run = await simulateQuietly(await writeJob(join(root, 'job'), { script }), { workspace });
  name = run.slice(workspace.length + 1);
  dashboard = await openDashboard([new WorkspaceSource('workspace-1', workspace)]);
});
afterAll(() => dashboard.close());

const code = ({ body }: { body: string }) => (JSON.parse(body) as { code: string }).code;
const follow = (job: string, holds: Parameters<OpenDashboard['follow']>[1]) =>
  dashboard.follow(`workspace-1 ${job}`, holds);

describe('who may look', () => {
  it('has the token, gets it back in a cookie of this page alone, and is told that nothing comes from elsewhere', async () => {
    const { pathname, search } = new URL(dashboard.address);
    const page = await dashboard.bare(`/${search}`);
    expect([page.status, page.headers['set-cookie']]).toEqual([
      200,
      [
        `neuroflare-dashboard-${dashboard.port}=${search.slice('?token='.length)}; Path=${pathname}; HttpOnly; SameSite=Strict`,
      ],
    ]);
    for (const path of ['/', '/main.js', '/stream', '/audit', '/nothing', '/report?source=x&job=y']) {
      const { headers } = await dashboard.get(path, { accept: 'text/html' });
      expect(headers['content-security-policy'], path).toContain("default-src 'none'; script-src 'self'");
      expect([headers['cache-control'], headers['x-frame-options']], path).toEqual(['no-store', 'DENY']);
    }
  });

  const refusals: [string, () => Promise<{ status: number; body: string }>][] = [
    ['no token', () => dashboard.bare('/')],
    ['no token, for the stream', () => dashboard.bare('/stream')],
    ['no token, for an action', () => dashboard.act({}, { cookie: '' })],
    ['a wrong token', () => dashboard.get('/?token=x')],
    [
      'another name that leads here',
      () => dashboard.get('/stream', { host: `evil.example:${dashboard.port}` }),
    ],
    ['a page of another origin', () => dashboard.act({}, { origin: 'http://evil.example' })],
    ['a script of another site', () => dashboard.get('/stream', { 'sec-fetch-site': 'cross-site' })],
  ];
  it.each(refusals)('is refused with %s, and learns nothing', async (_name, ask) => {
    const answer = await ask();
    expect([answer.status, code(answer)]).toEqual([403, 'NF_DASHBOARD_REFUSED']);
    expect(answer.body).not.toMatch(/tiny|token=/);
  });

  it('finds every file that the page asks for', async () => {
    const page = await dashboard.get('/');
    const names = [...page.body.matchAll(/(?:src|href)="([a-z.]+)"/g)].map(([, file]) => file ?? '');
    const scripts = new Set(names);
    for (const script of scripts) {
      const { status, body } = await dashboard.get(`/${script}`);
      expect(status, script).toBe(200);
      if (script !== 'htm.js' && script !== 'uplot.js')
        for (const [, other = ''] of body.matchAll(/from '\.\/([a-z.]+)'/g)) scripts.add(other);
    }
    expect(scripts).toContain('curves.js');
    expect(scripts).toContain('htm.js');
  });
});

describe('a simulated run', () => {
  it('stands in the list, and is told whole: state, rounds with figures of each site, what scripts printed', async () => {
    const told = await follow(name, ({ state, rounds, log, views }) =>
      Boolean(state && rounds.length === 3 && log.length >= 4 && views.size === 1),
    );
    expect(told.views.get('workspace-1')).toMatchObject({
      kind: 'workspace',
      about: workspace,
      trouble: null,
      jobs: [{ id: name, name: 'tiny', status: 'finished', tone: 'done', rounds: 2, numRounds: 2, sites: 2 }],
    });
    expect(told.state).toMatchObject({
      status: 'finished',
      metric: 'accuracy',
      failure: null,
      progress: [
        { site: 'site-1', rounds: 2, isWaitedFor: false },
        { site: 'site-2', rounds: 2, isWaitedFor: false },
      ],
      actions: ['report'],
      hasReport: false,
    });
    expect(Object.fromEntries(told.state?.facts ?? [])).toMatchObject({ Workflow: 'fedavg', Seed: '7' });
    expect(told.rounds.map(({ round, kind }) => [round, kind])).toEqual([
      [1, 'train'],
      [2, 'train'],
      [3, 'evaluate'],
    ]);
    // Texts are no figures, and names of figures stay what they are.
    const [first] = told.rounds;
    expect(Object.keys(first?.sites['site-2']?.figures ?? {}).sort()).toEqual(
      [EVIL, 'accuracy', 'infinite'].sort(),
    );
    expect(first?.figures.accuracy).toBe(2.5);
    // Sites print as they come.
    const lines = told.log.map(({ site, text }) => `${site} ${text}`);
    expect(lines).toEqual(
      expect.arrayContaining(['site-1', 'site-2'].map((site) => `${site} round 1: ${EVIL}`)),
    );
  });

  it('is told on as it grows: each round once, and then its end', async () => {
    const id = '20260101-000000';
    const growing = join(workspace, 'growing', id);
    await cp(run, growing, { recursive: true });
    const events = await readFile(join(growing, 'events.jsonl'), 'utf8');
    const [before, after] = cut(events, '"type":"round.closed"');
    await writeFile(join(growing, 'events.jsonl'), before);
    let isWritten = false;
    const told = await follow(`growing/${id}`, ({ state, rounds }) => {
      if (rounds.length === 1 && state && !isWritten) {
        isWritten = true;
        // A line that is not whole yet is none; its rest comes a moment later.
        void appendFile(join(growing, 'events.jsonl'), after.slice(0, 20)).then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 600));
          await appendFile(join(growing, 'events.jsonl'), after.slice(20));
        });
      }
      return state?.status === 'finished';
    });
    expect(told.states[0]).toMatchObject({ status: 'interrupted', rounds: 1 });
    expect(told.rounds.map(({ round }) => round)).toEqual([1, 2, 3]);
    await rm(join(workspace, 'growing'), { recursive: true });
  });

  it('that failed is told with its first failure, where it is and what to do', async () => {
    const script = TINY_SCRIPT.replace('const { params }', `throw new Error('${EVIL}');\n  const { params }`);
    const job = await writeJob(join(root, 'failing'), { patch: { name: 'failing' }, script });
    await simulateQuietly(job, { workspace }).catch(() => undefined);
    const { views } = await dashboard.follow(undefined, lists('failing'));
    const failed = views.get('workspace-1')?.jobs.find((one) => one.name === 'failing');
    expect(failed).toMatchObject({ status: 'failed', tone: 'failed' });
    const { state } = await follow(failed?.id ?? '', (told) => told.state !== undefined);
    expect(state?.failure?.error).toMatchObject({
      code: 'NF_SCRIPT_FAILED',
      place: { line: 5, file: expect.stringContaining('client/train.ts') },
    });
  });

  it('whose log was changed does not hide the others', async () => {
    const broken = join(workspace, 'broken/20260101-000001');
    await cp(run, broken, { recursive: true });
    await writeFile(join(broken, 'events.jsonl'), '{"time":"x"}\n');
    const { views } = await dashboard.follow(undefined, lists('broken'));
    const jobs = views.get('workspace-1')?.jobs ?? [];
    expect(jobs.find((one) => one.id.startsWith('broken'))).toMatchObject({ status: 'unreadable' });
    expect(jobs.find((one) => one.id === name)).toMatchObject({ status: 'finished' });
    const { fault } = await follow('broken/20260101-000001', (told) => told.fault !== undefined);
    expect(fault).toMatch(/^NF_/);
    await rm(join(workspace, 'broken'), { recursive: true });
  });

  it('has its report made when somebody asks, and shown as a page that may do nothing', async () => {
    const asked = { source: 'workspace-1', job: name, action: 'report' };
    expect(
      code(await dashboard.get(`/report?${new URLSearchParams({ source: 'workspace-1', job: name })}`)),
    ).toBe('NF_DASHBOARD_JOB');
    expect(await dashboard.act(asked)).toMatchObject({ status: 200 });
    const report = await dashboard.get(
      `/report?${new URLSearchParams({ source: 'workspace-1', job: name })}`,
    );
    expect(report.status).toBe(200);
    expect(report.headers['content-security-policy']).toMatch(/^default-src 'none';.*sandbox$/);
    expect(report.body).toContain('<title>tiny');
  });
});

describe('what the page cannot mean', () => {
  const source = 'workspace-1';
  it.each<[string, () => Promise<{ status: number; body: string }>, number, string]>([
    [
      'another source',
      () => dashboard.act({ source: 'x', job: name, action: 'report' }),
      404,
      'NF_DASHBOARD_SOURCE',
    ],
    [
      'another job',
      () => dashboard.act({ source, job: 'tiny/x', action: 'report' }),
      404,
      'NF_DASHBOARD_JOB',
    ],
    ['a path', () => dashboard.act({ source, job: '../job', action: 'report' }), 404, 'NF_DASHBOARD_JOB'],
    [
      'a path of a report',
      () => dashboard.get(`/report?source=${source}&job=..%2F..`),
      404,
      'NF_DASHBOARD_JOB',
    ],
    [
      'what a run cannot',
      () => dashboard.act({ source, job: name, action: 'abort' }),
      400,
      'NF_DASHBOARD_ACTION',
    ],
    ['an unknown action', () => dashboard.act({ source, job: name, action: 'x' }), 400, 'NF_DASHBOARD_ASKED'],
    [
      'one key more',
      () => dashboard.act({ source, job: name, action: 'report', x: 1 }),
      400,
      'NF_DASHBOARD_ASKED',
    ],
    ['no object', () => dashboard.act('[]'), 400, 'NF_DASHBOARD_ASKED'],
    ['code of a workspace', () => dashboard.get(`/code?source=${source}&job=x`), 404, 'NF_DASHBOARD_SOURCE'],
    ['no question', () => dashboard.get('/audit'), 400, 'NF_DASHBOARD_ASKED'],
    ['a file beside the page', () => dashboard.get('/../package.json'), 404, 'NF_DASHBOARD_UNKNOWN'],
  ])('is refused: %s', async (_what, ask, status, expected) => {
    const answer = await ask();
    expect([answer.status, code(answer)]).toEqual([status, expected]);
  });

  it('is told in the stream where a job is not there', async () => {
    const { fault } = await follow('tiny/20200101-000000', (told) => told.fault !== undefined);
    expect(fault).toBe('NF_DASHBOARD_JOB');
  });

  it('leaves a workspace that is not there empty, and not an error', async () => {
    const other = await openDashboard([new WorkspaceSource('w', join(root, 'none'))]);
    await mkdir(join(root, 'none', 'notes'), { recursive: true });
    const { views } = await other.follow(undefined, (told) => told.views.size === 1);
    expect(views.get('w')).toMatchObject({ trouble: null, jobs: [] });
    await other.close();
  });
});

/** Until a job of a name stands in the list. */
function lists(job: string) {
  return ({ views }: { readonly views: ReadonlyMap<string, SourceView> }) =>
    views.get('workspace-1')?.jobs.some(({ id }) => id.startsWith(job)) ?? false;
}

/** Before and after the end of the first line that holds a text. */
function cut(text: string, found: string): [string, string] {
  const at = text.indexOf('\n', text.indexOf(found)) + 1;
  return [text.slice(0, at), text.slice(at)];
}
