import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, runJson, startCli } from '../support/cli.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { interruptInTerminal } from '../support/own-terminal.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Every command of a federation, against one that runs: real processes, real TLS. */
const cwd = tempFolder();
const env = { NEUROFLARE_CONFIG: join(cwd, 'config.json'), NEUROFLARE_POC_WORKSPACE: join(cwd, 'poc') };
const options = { cwd, env };
const nf = (line: string) => runCli(line.split(' '), options);
const json = async <Data = Record<string, unknown>>(line: string) => {
  const { code, answer, stderr } = await runJson(line.split(' '), options);
  return { code, answer, stderr, data: answer.data as Data };
};
const kit = (name: string) => join(cwd, 'poc/poc/prod_00', name);

const GOES_ON =
  "The job goes on at the server: 'neuroflare job monitor JOB' watches it again, 'neuroflare job abort JOB' ends it.";

beforeAll(async () => {
  await writeJob(join(cwd, 'job'));
  await writeJob(join(cwd, 'endless'), {
    script: TINY_SCRIPT.replace('const { params }', 'while (true);\n  const { params }'),
  });
  await writeJob(join(cwd, 'failing'), {
    script: TINY_SCRIPT.replace('const { params }', `throw new Error('no such column');\n  const { params }`),
  });
});
afterAll(() => nf('poc clean --force'));

describe('before there is a federation', () => {
  it.each([
    ['job list', 2, 'NF_CONFIG_NONE'],
    ['poc start', 4, 'NF_POC_NONE'],
    ['poc stop', 4, 'NF_POC_NONE'],
    ['poc prepare --clients CON', 4, 'NF_PROJECT_INVALID'],
    ['server start nowhere', 4, 'NF_KIT_NOT_FOUND'],
    ['client start nowhere', 4, 'NF_KIT_NOT_FOUND'],
    ['preflight-check nowhere', 4, 'NF_KIT_NOT_FOUND'],
    ['audit verify nowhere', 4, 'NF_AUDIT_NONE'],
    ['server backup nowhere there', 4, 'NF_KIT_NOT_FOUND'],
    ['job abort abcdef12', 4, 'NF_NOT_CONFIRMED'],
  ])('%s ends with %d, %s', async (line, exit, code) => {
    const { code: got, answer } = await json(line);
    expect([got, answer.error_code]).toEqual([exit, code]);
  });
});

it('names of sites that cannot be folders everywhere are each told', async () => {
  const { answer } = await json('poc prepare --clients CON,fine,site-2.');
  expect(answer.message).toMatch(/^'CON' cannot be the name of a folder on Windows.*; 'site-2\.' cannot be/);
});

describe('a federation on this machine', () => {
  it('is prepared, and found healthy before it starts', async () => {
    const { code, data } = await json<{ participants: { name: string }[]; admin: string }>(
      'poc prepare -n 2',
    );
    expect(code).toBe(0);
    expect(data.participants.map(({ name }) => name)).toEqual([
      'server',
      'site-1',
      'site-2',
      'admin@poc.local',
    ]);
    expect(data.admin).toBe('poc-admin@poc.local');
    const again = await json('poc prepare');
    expect([again.code, again.answer.error_code]).toEqual([4, 'NF_POC_EXISTS']);
    const { stdout, code: checked } = await nf(`preflight-check ${kit('server')}`);
    expect(stdout).toMatch(/ok +port +127\.0\.0\.1:\d+ is free/);
    expect(checked).toBe(0);
    const client = await nf(`preflight-check ${kit('site-1')} --engine cpu`);
    expect(client.code).toBe(1);
    expect(client.stdout).toContain('NF_SERVER_UNREACHABLE');
    const list = await json('job list');
    expect([list.code, list.answer.error_code]).toEqual([2, 'NF_SERVER_UNREACHABLE']);
    const alone = await json('poc start --service site-1');
    expect([alone.code, alone.answer.error_code]).toEqual([4, 'NF_POC_NO_SERVER']);
  });

  it('starts once, and says how long it took', async () => {
    const { code, data } = await json<{ started: string[]; seconds: number }>('poc start --engine cpu');
    expect(code).toBe(0);
    expect(data.started).toEqual(['server', 'site-1', 'site-2']);
    expect(data.seconds).toBeGreaterThan(0);
    expect((await nf('poc start')).stdout).toContain('All of them run already');
    for (const name of ['server', 'site-1', 'admin@poc.local']) {
      const { stdout, code: checked } = await nf(`preflight-check ${kit(name)} --engine cpu`);
      expect(stdout).toContain('PASSED');
      expect(checked).toBe(0);
    }
  });

  it('tells how it is', async () => {
    const { data } = await json<{ sites: { name: string; connected: boolean }[] }>('system status');
    expect(data.sites.map(({ name, connected }) => [name, connected])).toEqual([
      ['site-1', true],
      ['site-2', true],
    ]);
    expect((await nf('system status')).stdout).toMatch(/site-1 +site-1 +connected/);
    expect((await nf('system status site-3')).stderr).toContain("Did you mean 'site-1'?");
    expect((await json<{ server: string }>('system version')).data.server).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await nf('system resources')).stdout).toMatch(/site-2 +0 of 1/);
    expect((await nf('system log-config debug --site site-1')).stdout).toBe('site-1: debug and above.\n');
  });

  it('runs a job from submission to download', async () => {
    const submitted = await json<{ job_id: string }>('job submit job --submit-token one');
    const id = submitted.data.job_id;
    const { code, stdout, stderr } = await nf(`job monitor ${id}`);
    expect(stderr).toContain('round 1 of 2 closed');
    expect(stdout).toMatch(/^FINISHED:COMPLETED after .* s; best model 2, accuracy/);
    expect(code).toBe(0);
    expect((await json<{ is_new: boolean }>('job submit job --submit-token one')).data.is_new).toBe(false);
    expect((await nf(`job wait ${id.slice(0, 8)}`)).code).toBe(0);
    expect((await nf('job list --name tiny')).stdout).toContain(id);
    expect((await nf(`job meta ${id}`)).stdout).toMatch(/status +FINISHED:COMPLETED/);
    expect((await nf(`job logs ${id}`)).stdout).toContain(
      'server info: round 1 (train) opened with site-1, site-2',
    );
    const download = await json<{
      folder: string;
      artifacts: Record<string, string>;
      missing_artifacts: string[];
    }>(`job download ${id} -o results`);
    expect(download.data.missing_artifacts).toEqual(['last_model']);
    expect(existsSync(download.data.artifacts.global_model ?? '')).toBe(true);
    expect((await nf(`job download ${id} -o results`)).stderr).toContain('NF_DOWNLOAD_EXISTS');
    const clone = await json<{ job_id: string; cloned_from: string }>(`job clone ${id}`);
    expect(clone.data.cloned_from).toBe(id);
    expect((await nf(`job wait ${clone.data.job_id}`)).code).toBe(0);
    const copy = await json<{ folder: string }>(`job download ${clone.data.job_id}`);
    expect((await nf(`runs show ${copy.data.folder}`)).stdout).toContain(
      'of tiny, finished: 2 rounds, 2 sites.',
    );
    expect(readFileSync(join(copy.data.folder, 'model.safetensors'))).toEqual(
      readFileSync(join(download.data.folder, 'model.safetensors')),
    );
    expect((await nf(`job delete ${clone.data.job_id} --force`)).stdout).toContain('Removed');
  });

  it('says what failed, where, with the exit code of a failed job', async () => {
    const { data } = await json<{ job_id: string }>('job submit failing');
    const { code, stdout } = await nf(`job monitor ${data.job_id}`);
    expect(code).toBe(1);
    expect(stdout).toContain("NF_SCRIPT_FAILED: The site's script failed: no such column");
    const place = /at site-\d, round 1, client\/train\.ts:5:\d+/g;
    expect(stdout.match(place)).toHaveLength(1);
    expect((await nf(`job wait ${data.job_id}`)).stdout).toMatch(place);
    const lines = (await nf(`job monitor ${data.job_id} --format jsonl`)).stdout.trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { terminal: boolean });
    expect(events.map(({ terminal }) => terminal)).toEqual([...Array(events.length - 1).fill(false), true]);
  });

  it('waits no longer than it is told to, and aborts', async () => {
    const { data } = await json<{ job_id: string }>('job submit endless');
    const late = await json(`job wait ${data.job_id} --timeout 1`);
    expect([late.code, late.answer.error_code]).toEqual([3, 'NF_JOB_WAIT_TIMEOUT']);
    expect((await nf(`job stats ${data.job_id}`)).stdout).toMatch(/site-1 +running +1/);
    expect((await nf(`job log-config ${data.job_id} debug`)).code).toBe(0);
    expect((await nf(`client jobs list ${kit('site-1')}`)).stdout).toContain('running');
    const running = startCli(['job', 'monitor', data.job_id], options);
    await running.sees('round 1 of 2 opened');
    running.child.kill('SIGINT');
    const left = await running.done;
    expect([left.code, left.stderr]).toEqual([130, expect.stringContaining(GOES_ON)]);
    if (process.platform === 'linux') {
      const screen = await interruptInTerminal(`job monitor ${data.job_id}`, 'round 1 of 2 opened', options);
      expect(screen).toContain('code 130');
      expect(screen.replace(/\s+/g, ' ')).toContain(GOES_ON);
    }
    expect((await json<{ status: string }>(`job meta ${data.job_id}`)).data.status).toBe('RUNNING');
    expect((await nf(`job abort ${data.job_id} --force`)).stdout).toMatch(/^Aborted .* after 0 of 2 rounds/);
    expect((await nf(`job wait ${data.job_id}`)).code).toBe(1);
  });

  it('goes on with a job that was aborted, and says so', async () => {
    const { data } = await json<{ job_id: string }>('job submit endless');
    const id = data.job_id;
    const early = await json(`job resume ${id}`);
    expect([early.code, early.answer.error_code]).toEqual([4, 'NF_JOB_NOT_OVER']);
    await nf(`job abort ${id} --force`);
    expect((await nf(`job wait ${id}`)).stdout).toContain(`Next: neuroflare job resume ${id}`);
    const { code, stdout, stderr } = await nf(`job resume ${id.slice(0, 8)}`);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^tiny of admin@poc.local \(.+\), code [0-9a-f]{64}/m),
    ]);
    expect(stdout).toBe(`Resumed ${id} after 0 of 2 rounds.\nNext: neuroflare job monitor ${id}\n`);
    const late = await nf(`job wait ${id} --timeout 1`);
    expect(late.code).toBe(3);
    await nf(`job abort ${id} --force`);
    const watched = await nf(`job monitor ${id}`);
    expect(watched.stderr).toContain('admin@poc.local resumed the job after round 0');
    expect((await nf(`job meta ${id}`)).stdout).toMatch(/^resumed +.* after round 0 \(NF_JOB_ABORTED\)$/m);
    expect((await nf('job list')).stdout).toContain('0 of 2 (resumed after 0)');
    const download = await json<{ folder: string }>(`job download ${id}`);
    const report = await runCli(['report', download.data.folder], options);
    expect(report.code, report.stderr).toBe(0);
    const page = readFileSync(join(download.data.folder, 'report.html'), 'utf8');
    expect(page).toContain('it had ended with NF_JOB_ABORTED');
  });

  it('has studies', async () => {
    expect((await nf('study register brain --sites site-1')).stdout).toContain('sites  site-1');
    expect((await nf('study add-site brain --sites site-2')).stdout).toContain('sites  site-1, site-2');
    expect((await nf('study remove-site brain --sites site-1')).stdout).toContain('sites  site-2');
    expect((await nf('study add-user brain bob@example.org --role lead')).stdout).toContain(
      'bob@example.org (lead)',
    );
    expect((await nf('study remove-user brain bob@example.org')).stdout).toContain('users  none yet');
    expect((await nf('study list')).stdout).toMatch(/brain +1 +0/);
    expect((await nf('study open brain')).stdout).toContain('users  everybody');
    expect((await nf('study list')).stdout).toMatch(/brain +1 +everybody/);
    expect((await nf('study close brain')).stdout).toContain('users  none yet');
    expect((await nf('study show brain')).stdout).toContain('study  brain');
    expect((await nf('study remove brain --force')).code).toBe(0);
  });

  it('takes more sites and users', async () => {
    expect((await nf('poc add-site site-3')).code).toBe(0);
    expect((await nf('poc start --service site-3 --engine cpu')).stdout).toContain('site-3 ready');
    expect((await nf('poc add-user member bob@example.org')).code).toBe(0);
    const denied = await json('job submit job --kit poc-bob@example.org');
    expect([denied.code, denied.answer.error_code]).toEqual([2, 'NF_ACCESS_DENIED']);
    expect((await nf('job list --kit poc-bob@example.org')).code).toBe(0);
    expect((await nf('system disable-client site-3 --force')).stdout).toBe('site-3 is disabled.\n');
    expect((await nf('system enable-client site-3')).stdout).toBe('site-3 is enabled.\n');
    expect((await nf('poc stop --service site-3')).stdout).toBe('Stopped site-3.\n');
  });

  it('tells what left a site, and what would', async () => {
    const { data } = await json<{ sums: { what: string; bytes: number }[] }>(
      `client egress ${kit('site-1')}`,
    );
    expect(data.sums.some(({ what, bytes }) => what === 'update' && bytes > 0)).toBe(true);
    const { stdout } = await nf(`client egress ${kit('site-1')} --plan job`);
    expect(stdout).toContain('once in each of 2 rounds, 4 numbers');
    expect(stdout).toContain('weights float32[4]');
  });

  it('restarts and comes back', async () => {
    expect((await nf('system restart site-1 --force')).stdout).toBe('site-1: starts again.\n');
    expect((await nf('system restart server --force')).stdout).toBe('server: starts again.\n');
    await expect
      .poll(async () => {
        const { data } = await json<{ sites?: { connected: boolean }[] } | undefined>('system status');
        return data?.sites?.filter(({ connected }) => connected).length;
      })
      .toBe(2);
  });

  it('keeps logs that nobody can change unseen', async () => {
    for (const name of ['server', 'site-1', 'site-2']) {
      const { code, stdout } = await nf(`audit verify ${kit(name)}`);
      expect(stdout).toContain(': whole');
      expect(code).toBe(0);
    }
    const log = join(kit('server'), 'state/audit.jsonl');
    const copy = join(cwd, 'audit.jsonl');
    const text = readFileSync(log, 'utf8');
    expect(text).toContain('"action":"job.submit"');
    writeFileSync(copy, text.replace('job.submit', 'job.delete'));
    writeFileSync(`${copy}.head`, readFileSync(`${log}.head`));
    const { code, stdout } = await nf(`audit verify ${copy} --root ${kit('server')}/startup/rootCA.pem`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/line \d+: it was changed/);
  });

  it('is backed up while it runs, and goes on from the backup', async () => {
    const { data } = await json<{ jobs: number }>(`server backup ${kit('server')} backup`);
    expect(data.jobs).toBeGreaterThanOrEqual(3);
    expect((await nf(`server backup ${kit('server')} backup`)).stderr).toContain('NF_BACKUP_EXISTS');
    expect((await nf(`server restore backup ${kit('server')}`)).stderr).toContain('NF_BACKUP_EXISTS');
    expect((await nf(`server restore backup ${kit('site-1')}`)).stderr).toContain('NF_KIT_TYPE');
    expect((await nf('server restore backup nowhere')).stderr).toContain('NF_KIT_NOT_FOUND');
    const before = (await nf('job list')).stdout;
    await nf('poc stop --service server');
    expect((await nf(`server restore backup ${kit('server')} --state ${join(cwd, 'restored')}`)).code).toBe(
      0,
    );
    const server = startCli(['server', 'start', kit('server'), '--state', join(cwd, 'restored')], options);
    await server.sees('The server listens');
    expect((await nf('job list')).stdout).toBe(before);
    server.child.kill('SIGINT');
    expect((await server.done).code).toBe(0);
  });

  it('removes old jobs by their age, and no other', async () => {
    await nf('poc start --service server');
    const ids = async () => (await json<{ job_id: string }[]>('job list')).data.map(({ job_id: id }) => id);
    const before = await ids();
    expect(before.length).toBeGreaterThan(1);
    const asked = await json('job delete --older-than 0h');
    expect([asked.code, asked.answer.error_code]).toEqual([4, 'NF_NOT_CONFIRMED']);
    for (const words of ['', '--older-than soon', `${before[0]} --older-than 1d`])
      expect((await json(`job delete ${words}`.trim())).answer.error_code).toBe('NF_USAGE');
    expect((await nf('job delete --older-than 1d --force')).stdout).toBe('No job ended so long ago.\n');
    expect(await ids()).toEqual(before);
    const { data } = await json<{ job_id: string }>('job submit endless');
    const gone = await json<{ removed: string[]; kept: string[] }>('job delete --older-than 0h --force');
    expect([gone.data.removed.sort(), gone.data.kept]).toEqual([[...before].sort(), []]);
    expect(await ids()).toEqual([data.job_id]);
    await nf(`job abort ${data.job_id} --force`);
    expect((await nf('job delete --help')).stdout.replace(/\s+/g, ' ')).toContain(
      'failed and aborted ones, which job resume could go on with, go too',
    );
  });

  it('leaves nothing behind', async () => {
    mkdirSync(join(cwd, 'elsewhere'));
    await nf('poc stop');
    expect((await nf('poc stop')).stdout).toBe('Nothing was running.\n');
    expect((await nf('poc clean --force')).stdout).toContain('Removed');
    expect(existsSync(join(cwd, 'poc'))).toBe(false);
    expect((await nf('config list')).stdout).toContain('No startup kits yet');
  });
});
