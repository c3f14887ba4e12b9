import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { RecordedFederation } from '../support/recorded-federation.ts';
import { finalModel, latestRun, runsOf } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Files as that version wrote them: see test/fixtures/README.md. */
const ARCHIVE = fileURLToPath(new URL('../fixtures/v0.1.0.tar.gz', import.meta.url));
/** Of the final model of an undisturbed run. */
const MODEL = 'dab0918240e874c00a21b108ce5a8ec90881345c447f26abca3ef1c7ef513e42';
const root = tempFolder();

beforeAll(() => {
  execFileSync('tar', ['xzf', ARCHIVE, '-C', root]);
});

describe('simulations of version 0.1.0', () => {
  it('are listed with their state', async () => {
    for (const [workspace, status] of [
      ['finished', 'finished'],
      ['open', 'interrupted'],
    ] as const) {
      const { answer } = await runJson(['runs', 'list', '-w', workspace], { cwd: root });
      expect(answer.data).toMatchObject([{ job: 'hello', status }]);
    }
  });

  it('are shown and reported on', async () => {
    const shown = await runJson(['runs', 'show', 'hello', '-w', 'finished'], { cwd: root });
    expect(shown.answer.data).toMatchObject({ status: 'finished', rounds: 3, best: { model: 3, value: 8 } });
    const report = await runCli(['report', 'hello', '-w', 'finished'], { cwd: root });
    expect(report.code, report.stderr).toBe(0);
  });

  it('that are finished go on with more rounds where their files are there, and are left alone where not', async () => {
    const [parent = ''] = runsOf(join(root, 'finished'), 'hello');
    const before = readdirSync(join(root, 'finished/hello', parent), { recursive: true });
    const args = ['simulate', 'jobs/hello', '-w', 'finished', '--resume', '--set', 'num_rounds=5'];
    const { answer } = await runJson(args, { cwd: root });
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_RUN_FILE' });
    expect(runsOf(join(root, 'finished'), 'hello')).toEqual([parent]);
    expect(readdirSync(join(root, 'finished/hello', parent), { recursive: true })).toEqual(before);
  });

  it('go on where they were killed, to the bytes of an undisturbed run', async () => {
    // With a value of the command line: it is compared with what that version wrote down.
    const args = ['simulate', 'jobs/hello', '-w', 'open', '--resume', '--set', 'num_rounds=3'];
    const { answer } = await runJson(args, { cwd: root });
    expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: 3 } });
    expect(sha256(finalModel(latestRun(join(root, 'open'), 'hello')))).toBe(MODEL);
  });
});

describe('a server of version 0.1.0 and its sites', () => {
  const federation = new RecordedFederation(root);

  afterAll(() => federation.kill());

  it('open with their jobs: the finished one is downloaded, the open one goes on to the same bytes', async () => {
    await federation.start();
    const { jobs } = federation;
    for (const job of jobs) {
      const ended = await federation.wait(job);
      expect(ended.answer, ended.stdout).toMatchObject({ data: { status: 'FINISHED:COMPLETED' } });
      expect(await federation.model(job)).toBe(MODEL);
    }
    expect(jobs).toHaveLength(2);
    const stats = await Promise.all(jobs.map((job) => federation.ask(['job', 'stats', job])));
    expect(stats.map(({ answer }) => answer.error_code ?? answer.status).sort()).toEqual([
      'NF_JOB_STATS_NONE',
      'ok',
    ]);
    const done = await federation.ask(['job', 'resume', jobs[0] ?? '']);
    expect(done.answer).toMatchObject({ exit_code: 4, error_code: 'NF_JOB_COMPLETED' });
    const { answer } = await runJson(['audit', 'verify', federation.kit('hub')], { cwd: root });
    expect(answer).toMatchObject({ status: 'ok' });
  });
});

describe('a job of version 0.1.0 that ended without success', () => {
  const copy = join(root, 'ended');
  const federation = new RecordedFederation(copy);

  beforeAll(async () => {
    mkdirSync(copy);
    execFileSync('tar', ['xzf', ARCHIVE, '-C', copy]);
    await federation.start([]);
  });
  afterAll(() => federation.kill());

  it('cannot be resumed, which is said with what to do', async () => {
    const { answer } = await federation.ask(['job', 'list']);
    const jobs = answer.data as { job_id: string; status: string }[];
    const open = jobs.find(({ status }) => status !== 'FINISHED:COMPLETED')?.job_id ?? '';
    await federation.ask(['job', 'abort', open, '--force']);
    await federation.ask(['job', 'wait', open]);
    const refused = await federation.ask(['job', 'resume', open]);
    expect(refused.answer).toMatchObject({
      exit_code: 4,
      error_code: 'NF_JOB_SIGNATURE_OLD',
      message: expect.stringContaining('0.1.0'),
      hint: expect.stringContaining('job submit'),
    });
  });
});
