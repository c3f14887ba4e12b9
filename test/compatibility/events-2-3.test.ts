import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { runJson } from '../support/one-process.ts';
import { finalModel, latestRun } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Of the final model of an undisturbed run. */
const MODEL = 'dab0918240e874c00a21b108ce5a8ec90881345c447f26abca3ef1c7ef513e42';
const root = tempFolder();

/** See test/fixtures/README.md: version 2 has the calls of a workflow, version 3 the sums of answers. */
describe.each([2, 3])('simulations with events of version %i', (version) => {
  const cwd = join(root, String(version));

  beforeAll(() => {
    const archive = fileURLToPath(new URL('../fixtures/events-2-3.tar.gz', import.meta.url));
    execFileSync('tar', ['xzf', archive, '-C', root]);
  });

  it('go on where they were killed, to the bytes of an undisturbed run', async () => {
    const args = ['simulate', 'jobs/hello', '-w', 'open', '--resume'];
    const { answer } = await runJson(args, { cwd });
    expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: 3 } });
    expect(sha256(finalModel(latestRun(join(cwd, 'open'), 'hello')))).toBe(MODEL);
  });

  it('that are finished are shown, and go on with more rounds to the bytes of a run as long', async () => {
    const shown = await runJson(['runs', 'show', 'hello', '-w', 'finished'], { cwd });
    expect(shown.answer.data).toMatchObject({ status: 'finished', rounds: 3, best: { model: 3, value: 8 } });
    cpSync(join(cwd, 'finished'), join(cwd, 'longer'), { recursive: true });
    const models = await Promise.all(
      ([['longer', '--resume'], ['whole']] as const).map(async ([workspace, ...resume]) => {
        const args = ['simulate', 'jobs/hello', '-w', workspace, ...resume, '--set', 'num_rounds=5'];
        const { answer } = await runJson(args, { cwd });
        expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: 5 } });
        return sha256(finalModel(latestRun(join(cwd, workspace), 'hello')));
      }),
    );
    expect(models[0]).toBe(models[1]);
  });
});
