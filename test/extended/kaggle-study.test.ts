import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = join(import.meta.dirname, '../..');
const images = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(root, '../shared/data'),
  'kaggle-brain-tumor-sample/Training',
);

/** The journey of jobs/kaggle-three-sites on the real images, shortened to three rounds of one epoch. */
describe.skipIf(!existsSync(images))('the Kaggle study', () => {
  const cwd = tempFolder();
  const study = [
    'simulate',
    join(root, 'jobs/kaggle-three-sites'),
    '--data',
    'bids',
    '--set',
    `split=${join(cwd, 'split.json')}`,
    '--set',
    'num_rounds=3',
    '--set',
    'local_epochs=1',
  ];
  const model = (workspace: string) =>
    readFileSync(join(cwd, workspace, 'kaggle-three-sites/latest/model.safetensors'));

  beforeAll(async () => {
    const commands = [
      ['preprocess', 'bids', images, 'bids', '--head-mask', '--size', '128', '-q'],
      [
        'preprocess',
        'split',
        'bids',
        '--sites',
        '3',
        '--strategy',
        'dirichlet',
        '--alpha',
        '0.5',
        '--out',
        'split.json',
      ],
      [...study, '--workspace', 'whole'],
    ];
    for (const command of commands) expect((await runCli(command, { cwd })).stderr).not.toContain('Error:');
  }, 600_000);

  it('ends with figures of every model at every site', () => {
    const summary = JSON.parse(
      readFileSync(join(cwd, 'whole/kaggle-three-sites/latest/metrics.json'), 'utf8'),
    );
    expect(summary.status).toBe('finished');
    expect(summary.models).toHaveLength(4);
    expect(Object.keys(summary.models[3].sites)).toEqual(['site-1', 'site-2', 'site-3']);
  });

  it('gives the same bytes after a kill, on one thread instead of two', async () => {
    const run = startCli([...study, '--workspace', 'killed'], { cwd });
    await run.sees('round 2 of 3 closed');
    run.child.kill('SIGKILL');
    await run.done;
    const resumed = await runCli(
      [
        'simulate',
        join(root, 'jobs/kaggle-three-sites'),
        '--workspace',
        'killed',
        '--resume',
        '--threads',
        '1',
      ],
      { cwd },
    );
    expect(resumed.code).toBe(0);
    expect(model('killed').equals(model('whole'))).toBe(true);
  });
});
