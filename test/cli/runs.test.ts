import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli.ts';
import { writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('runs', () => {
  const cwd = tempFolder();

  beforeAll(async () => {
    await writeJob(join(cwd, 'tiny'));
    await writeJob(join(cwd, 'bad'), { patch: { name: 'bad' }, script: 'throw new Error("no data here");' });
    await runCli(['simulate', 'tiny', '-q'], { cwd });
    await runCli(['simulate', 'bad', '-q'], { cwd });
  });

  it('lists what a workspace holds, with what became of it', async () => {
    const { answer } = await runJson(['runs', 'list'], { cwd });
    expect(answer.data).toMatchObject([
      { job: 'bad', status: 'failed', rounds: 0, num_rounds: 2, best: null },
      {
        job: 'tiny',
        status: 'finished',
        rounds: 2,
        num_rounds: 2,
        sites: 2,
        metric: 'accuracy',
        best: expect.any(Number),
      },
    ]);
  });

  it('shows a run as simulate did at its end', async () => {
    const { stdout } = await runCli(['runs', 'show', 'tiny'], { cwd });
    expect(stdout).toMatch(/of tiny, finished: 2 rounds, 2 sites\./);
    expect(stdout).toContain('best_model.safetensors');
  });

  it('shows the failure of a run that failed', async () => {
    const { stdout } = await runCli(['runs', 'show', 'bad'], { cwd });
    expect(stdout).toContain('no data here');
  });

  it('lists the others when one cannot be read', async () => {
    await mkdir(join(cwd, 'work/tiny/20200101-000000'));
    await writeFile(join(cwd, 'work/tiny/20200101-000000/run.json'), '{');
    const { code, stdout } = await runCli(['runs', 'list', 'tiny'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/20200101-000000\s+unreadable/);
    expect(stdout).toContain('finished');
  });

  it('names the job that was meant', async () => {
    const { code, answer } = await runJson(['runs', 'show', 'tinny'], { cwd });
    expect(code).toBe(4);
    expect(answer.error_code).toBe('NF_RUN_TARGET');
    expect(answer.message).toContain("'tiny'");
  });

  it('shows the run of a folder, as a download is one, and of JOB/RUN_ID', async () => {
    const { answer } = await runJson(['runs', 'show', 'work/tiny/latest'], { cwd });
    const { run_id: id } = answer.data as { run_id: string };
    for (const target of [[`tiny/${id}`], ['tiny', id]])
      expect((await runJson(['runs', 'show', ...target], { cwd })).answer.data).toMatchObject({ run_id: id });
  });

  it('does not take what lies on stdin for an argument', async () => {
    const { child, done } = startCli(['runs', 'list'], { cwd, stdin: 'pipe' });
    child.stdin?.end('elsewhere\n');
    expect((await done).stdout).toContain('finished');
  });

  it('says that there are none', async () => {
    expect((await runCli(['runs', 'list', '-w', 'elsewhere'], { cwd })).stdout).toBe('No runs.\n');
  });
});
