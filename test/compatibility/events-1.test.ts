import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { runJson } from '../support/one-process.ts';
import { RecordedFederation } from '../support/recorded-federation.ts';
import { finalModel, latestRun } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Files whose events are of version 1: see test/fixtures/README.md. */
const ARCHIVE = fileURLToPath(new URL('../fixtures/events-1.tar.gz', import.meta.url));
/** Of the final model of an undisturbed run. */
const MODEL = 'dab0918240e874c00a21b108ce5a8ec90881345c447f26abca3ef1c7ef513e42';
const root = tempFolder();

beforeAll(() => {
  execFileSync('tar', ['xzf', ARCHIVE, '-C', root]);
});

describe('simulations with events of version 1', () => {
  it('go on where they were killed, to the bytes of an undisturbed run', async () => {
    const args = ['simulate', 'jobs/hello', '-w', 'open', '--resume', '--set', 'num_rounds=3'];
    const { answer } = await runJson(args, { cwd: root });
    expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: 3 } });
    expect(sha256(finalModel(latestRun(join(root, 'open'), 'hello')))).toBe(MODEL);
  });

  it('that are finished are shown, and go on with more rounds to the bytes of a run as long', async () => {
    const shown = await runJson(['runs', 'show', 'hello', '-w', 'finished'], { cwd: root });
    expect(shown.answer.data).toMatchObject({ status: 'finished', rounds: 3, best: { model: 3, value: 8 } });
    const more = ['--set', 'num_rounds=5'];
    for (const [workspace, args] of [
      ['finished', ['--resume', ...more]],
      ['whole', more],
    ] as const) {
      const { answer } = await runJson(['simulate', 'jobs/hello', '-w', workspace, ...args], { cwd: root });
      expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: 5 } });
    }
    const [longer, whole] = ['finished', 'whole'].map((workspace) =>
      sha256(finalModel(latestRun(join(root, workspace), 'hello'))),
    );
    expect(longer).toBe(whole);
  });
});

describe('a server with events of version 1, and its sites', () => {
  const federation = new RecordedFederation(root);

  afterAll(() => federation.kill());

  it('open with their jobs: the finished one is downloaded, the open one goes on to the same bytes', async () => {
    await federation.start();
    const { jobs } = federation;
    expect(jobs).toHaveLength(2);
    for (const job of jobs) {
      const ended = await federation.wait(job);
      expect(ended.answer, ended.stdout).toMatchObject({ data: { status: 'FINISHED:COMPLETED' } });
      expect(await federation.model(job)).toBe(MODEL);
    }
  });
});
