import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorReport } from '../../../src/runtime/network/messages/shapes.ts';
import { runCli } from '../../support/cli.ts';
import { writeJob } from '../../support/job-folder.ts';
import { PROJECT_ADMIN, until } from '../../support/live-federation.ts';
import { ProcessFederation } from '../../support/process-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const SITE = 'site-1';
/**
 * 43 characters: clears the screen, colours by C1, turns the writing round, hides, ends the line, text and page, and forges a line of its own.
 */
const FORGED = '"\x1b[2J\x9b1m\u202e\u200b\0\x7f\u2028</pre><b>\r\nNF_FORGED_LINE';
const LONG = `${FORGED}${'\u202e\x1b[31mx'.repeat(200)}`;
const OBEYED =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
/** Colours of the tool's own are no part of what is looked at: no command has them where its output is no terminal. */
const report = (code: string) => ({
  code,
  message: LONG,
  hint: LONG,
  exitCode: 1,
  place: { file: LONG, line: 1, key: LONG.slice(0, 900), site: FORGED, excerpt: LONG },
  stack: LONG,
});

let federation: ProcessFederation;
/** One that failed, one that was completed, one that goes on. */
const jobs = { failed: '', completed: '', running: '' };
let site: RawSite;
let alive: NodeJS.Timeout;

const newJob = (name: string) =>
  writeJob(join(root, name), {
    patch: { name, workflow: { n_clients: 1, num_rounds: 1, site_timeout: 3600 } },
  });

/** A sign of life: without one the site is lost, and what it said of itself is not shown. */
const sign = (id: string) =>
  site.send('POST', '/v1/site/poll', {
    seen: FORGED,
    wait_seconds: 0,
    jobs: [{ job_id: id, phase: 'running', task: `train/1/${SITE}`, trouble: report(FORGED) }],
  });

/** Whatever text a site may send, up to the answer to the task of round 1. */
async function begun(name: string): Promise<string> {
  const id = await federation.submit(await newJob(name));
  await site.offered(id);
  const say = (path: string, body: unknown) => site.send('POST', `/v1/site/jobs/${id}/${path}`, body);
  await say('decision', { answer: 'waiting for approval', reason: report(FORGED) });
  await say('decision', { answer: 'accepted', reason: report(FORGED) });
  await site.task(id);
  await say('logs', {
    lines: [
      { time: '9999-01-01T00:00:00.000Z', level: 'error', text: LONG },
      { time: '0001-01-01T00:00:00.000Z', level: 'info', text: FORGED },
    ],
  });
  await say('reports', { task: `train/1/${SITE}`, started: true, progress: { done: 1e15, total: 1e-9 } });
  await sign(id);
  return id;
}

async function answered(id: string): Promise<void> {
  const { model } = await site.task(id);
  const update = await site.upload(id, await site.model(id, model.sha256));
  const metrics = {
    accuracy: 0.5,
    [FORGED]: 0.25,
    text: LONG,
    nested: { [FORGED]: { [FORGED]: [FORGED, 0.125] } },
    undefined_because: { [FORGED]: FORGED },
  };
  const engine = { name: FORGED, device: FORGED, library: FORGED, detail: LONG.slice(0, 900) };
  await site.result(id, { update, metrics, engine });
}

const cli = (words: string) =>
  runCli([...words.split(' '), '--kit', federation.kits.kit(PROJECT_ADMIN)], { cwd: root });

beforeAll(async () => {
  federation = await ProcessFederation.make(join(root, 'kits'), { clients: 1 });
  federation.start('hub', { flags: [] });
  await federation.answers();
  const says = { version: FORGED, node: FORGED, platform: FORGED, engine: FORGED };
  site = await RawSite.connect(federation.kits, SITE, { says });
  jobs.completed = await begun('completed');
  await answered(jobs.completed);
  const scoring = await site.task(jobs.completed).then(async (task) => {
    if (task.name === 'evaluate') return task;
    await until(async () => (await site.task(jobs.completed)).name === 'evaluate');
    return site.task(jobs.completed);
  });
  await site.result(jobs.completed, {
    round: scoring.round,
    metrics: { accuracy: 0.5, [FORGED]: 0.25, text: LONG },
  });
  await federation.wait(jobs.completed);
  jobs.failed = await begun('failed');
  await site.send('POST', `/v1/site/jobs/${jobs.failed}/failures`, {
    task: `train/1/${SITE}`,
    attempt: 1,
    error: report(FORGED),
  });
  await federation.wait(jobs.failed);
  jobs.running = await begun('running');
  alive = setInterval(() => void sign(jobs.running).catch(() => undefined), 2000);
  await cli(`job download ${jobs.completed} --output-dir done`);
});
afterAll(async () => {
  clearInterval(alive);
  await site?.close();
  await federation?.close();
});

/** Nothing in it is obeyed, and no line of a site looks like one of the tool's or the server's. */
function requireHarmless(text: string): void {
  expect(text).not.toMatch(OBEYED);
  expect(text).not.toMatch(/^NF_FORGED_LINE/m);
}

const COMMANDS = [
  'job meta failed',
  'job meta completed',
  'job meta running',
  'job logs failed',
  'job logs running --site site-1',
  'job monitor failed',
  'job monitor completed',
  'job wait failed',
  'job wait completed',
  'job stats running',
  'job list',
  'system status',
  'system version',
  'system resources',
  'study list',
];
const LOCAL = ['runs show done', 'report done', 'runs list --workspace .', 'runs verify done'];

const words = (line: string) =>
  line.replace(
    /^(job \w+) (failed|completed|running)/,
    (_all, command: string, job: keyof typeof jobs) => `${command} ${jobs[job]}`,
  );

describe('texts that a site forges', () => {
  it.each(COMMANDS)('are nothing but text in what %s prints', async (line) => {
    const { stdout, stderr } = await cli(words(line));
    requireHarmless(stdout);
    requireHarmless(stderr);
    expect(stdout).not.toBe('');
  });

  it.each(COMMANDS)('are nothing but text in the JSON of %s, which has them as they are', async (line) => {
    for (const format of line.startsWith('job monitor') ? ['json', 'jsonl'] : ['json']) {
      const { stdout, stderr } = await cli(`${words(line)} --format ${format}`);
      expect(stdout).toMatch(/^[ -~\n]+$/);
      requireHarmless(stderr);
      for (const text of stdout.trimEnd().split('\n')) JSON.parse(text);
    }
  });

  it.each(LOCAL)('are nothing but text in what %s prints of the results', async (line) => {
    for (const more of [[], ['--json']]) {
      const { code, stdout, stderr } = await runCli([...line.split(' '), ...more], { cwd: root });
      requireHarmless(stdout);
      requireHarmless(stderr);
      if (!line.startsWith('runs verify')) expect([code, stderr]).toEqual([0, '']);
    }
  });

  it('are there to be read', async () => {
    const meta = await cli(`job meta ${jobs.failed}`);
    expect(meta.stdout).toContain(
      '"\\x1b[2J\\x9b1m\\u202e\\u200b\\x00\\x7f\\u2028</pre><b>\\r\\nNF_FORGED_LINE',
    );
    expect((await cli(`job logs ${jobs.failed}`)).stdout).toContain(
      `${SITE} (9999-01-01T00:00:00.000Z there)`,
    );
    expect((await cli('system status')).stdout).toContain('\\x1b[2J');
  });

  it('stand escaped on the page of a run, in its record and in its TensorBoard logs', async () => {
    await runCli(['report', 'done'], { cwd: root });
    const page = readFileSync(join(root, 'done/report.html'), 'utf8');
    expect(page.replaceAll('\t', '')).not.toMatch(OBEYED);
    expect(page).toContain('\\x1b[2J');
    expect(page).not.toContain('<b>\\r');
    expect(page).toContain('&lt;/pre&gt;&lt;b&gt;');
    for (const name of ['run_record.json', 'metrics.json', 'run.json'])
      expect([name, readFileSync(join(root, 'done', name), 'utf8').search(OBEYED)]).toEqual([name, -1]);
    const logs = readdirSync(join(root, 'done/tensorboard'), { recursive: true, encoding: 'utf8' });
    const events = logs.filter((name) => name.includes('tfevents'));
    expect(events.length).toBe(2);
    for (const name of events) {
      const bytes = readFileSync(join(root, 'done/tensorboard', name), 'latin1');
      expect(bytes).toContain('\\x1b[2J');
      expect(bytes).not.toContain('\x1b[2J');
    }
  });

  it("are nothing but text on the server's terminal, in its log and in its figures", async () => {
    requireHarmless(federation.output('hub'));
    expect(federation.output('hub')).toContain('\\x1b[2J');
    const log = readFileSync(join(federation.state, 'log.jsonl'), 'utf8');
    expect(log).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e]+$/u);
    for (const line of log.trimEnd().split('\n')) JSON.parse(line);
    const { body } = await ask(
      { port: federation.kits.port },
      '/metrics',
      await tlsOf(federation.kits, PROJECT_ADMIN),
    );
    for (const line of body.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) .+|[a-z0-9_]+(\{[^\n]*\})? [-+.\deNaIf]+)?$/);
    requireHarmless(body);
  });

  it('are of bounded length in every field', async () => {
    const long = 'x'.repeat(30_000);
    for (const field of ['file', 'key', 'site', 'excerpt'])
      expect(errorReport.safeParse({ ...report('NF_X'), place: { [field]: long } }).success).toBe(false);
    for (const field of ['code', 'message', 'hint', 'stack'])
      expect(errorReport.safeParse({ ...report('NF_X'), [field]: long }).success).toBe(false);
  });
});
