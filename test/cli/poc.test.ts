import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli, runJson } from '../support/cli.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** The way through a federation that everybody takes; test/extended/poc.test.ts has every command against one. */
const cwd = tempFolder();
const env = { NEUROFLARE_CONFIG: join(cwd, 'config.json'), NEUROFLARE_POC_WORKSPACE: join(cwd, 'poc') };
const nf = (line: string) => runCli(line.split(' '), { cwd, env });
const json = async <Data>(line: string) => {
  const { code, answer } = await runJson(line.split(' '), { cwd, env });
  return { code, error: answer.error_code, data: answer.data as Data };
};
afterAll(() => nf('poc clean --force'));

it('there is none before it is prepared', async () => {
  expect(await json('job list')).toMatchObject({ code: 2, error: 'NF_CONFIG_NONE' });
  expect(await json('poc start')).toMatchObject({ code: 4, error: 'NF_POC_NONE' });
});

it('a federation on this machine runs a job from submission to download', async () => {
  await writeJob(join(cwd, 'job'));
  const script = TINY_SCRIPT.replace(
    'const { params }',
    `throw new Error('no such column');\n  const { params }`,
  );
  await writeJob(join(cwd, 'failing'), { script });
  expect((await nf('poc prepare -n 2')).code).toBe(0);
  const started = await json<{ started: string[] }>('poc start --engine cpu');
  expect(started).toMatchObject({ code: 0, data: { started: ['server', 'site-1', 'site-2'] } });
  expect((await nf('system status')).stdout).toMatch(/site-1 +site-1 +connected/);
  const { data } = await json<{ job_id: string }>('job submit job');
  const monitored = await nf(`job monitor ${data.job_id}`);
  expect(monitored.stderr).toContain('round 1 of 2 closed');
  expect([monitored.code, monitored.stdout]).toEqual([
    0,
    expect.stringMatching(/^FINISHED:COMPLETED after .* s; best model 2, accuracy/),
  ]);
  const download = await json<{ artifacts: { global_model?: string } }>(
    `job download ${data.job_id} -o results`,
  );
  expect(existsSync(download.data.artifacts.global_model ?? '')).toBe(true);
  const failing = await json<{ job_id: string }>('job submit failing');
  const failed = await nf(`job wait ${failing.data.job_id}`);
  expect([failed.code, failed.stdout]).toEqual([
    1,
    expect.stringMatching(/no such column[\s\S]*at site-\d, round 1, client\/train\.ts:5:\d+/),
  ]);
  // The envelope of nvflare's scripts: what ended the job beside the job.
  const wrapped = await runJson(['job', 'wait', failing.data.job_id, '--study', 'default'], { cwd, env });
  expect(wrapped.answer).toMatchObject({
    status: 'failed',
    exit_code: 1,
    error_code: expect.stringMatching(/^NF_/),
    nvflare_code: 'JOB_FINISHED_EXCEPTION',
    message: expect.stringContaining('no such column'),
    data: { job_id: failing.data.job_id, status: 'FINISHED:EXECUTION_EXCEPTION' },
  });
  expect(await json(`job meta ${failing.data.job_id} --study brain`)).toMatchObject({
    code: 4,
    error: 'NF_JOB_UNKNOWN',
  });
  expect((await nf('system status client site-2 site-1')).stdout).toMatch(/site-1[\s\S]*site-2/);
  expect((await nf('poc stop')).code).toBe(0);
  expect((await nf('poc clean --force')).stdout).toContain('Removed');
  expect(existsSync(join(cwd, 'poc'))).toBe(false);
});
