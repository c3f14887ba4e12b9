import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { runsOf } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const FILE = `version: 1
name: grid
job: job
set: { num_rounds: 2 }
variants:
  fedavg: {}
  fedopt: { workflow.type: fedopt, workflow.server_learning_rate: 0.5 }
seeds: [1, 2]
`;
const write = (text: string, name = 'grid.yaml') => writeFile(join(cwd, name), text);
const run = (...args: string[]) => runJson(['experiment', 'run', ...args, '-q'], { cwd });

beforeAll(async () => {
  await writeJob(join(cwd, 'job'));
  await write(FILE);
});

describe('experiment run', () => {
  it('says what is left to do, and starts nothing, with --dry-run', async () => {
    const { answer } = await run('grid.yaml', '--dry-run');
    // 2 sites, 2 rounds and the last scores, 4 runs.
    expect(answer.data).toMatchObject({ plan: { runs: 4, over: 0, tasks: 24, seconds: null }, result: null });
    expect(runsIn('grid.fedavg.seed-1')).toEqual([]);
  });

  it('makes every run once, and goes on with one that was stopped', async () => {
    const stopped = ['simulate', 'job', '--set', 'name=grid.fedavg.seed-1', '--seed', '1', '-q'];
    await runCli([...stopped, '--set', 'num_rounds=1'], { cwd });
    const first = await run('grid.yaml');
    expect(first).toMatchObject({ code: 0, answer: { data: { result: { over: 4, failed: 0 } } } });
    expect(rowsOf(first)).toMatchObject([
      { variant: 'fedavg', runs: 2, planned: 2, metric: 'accuracy', lead: null },
      { variant: 'fedopt', runs: 2, planned: 2 },
    ]);
    // The run of one round was finished, and another went on from it.
    expect(runsIn('grid.fedavg.seed-1')).toHaveLength(2);
    const again = await run('grid.yaml');
    expect(rowsOf(again)).toEqual(rowsOf(first));
    for (const job of ['grid.fedavg.seed-2', 'grid.fedopt.seed-1', 'grid.fedopt.seed-2'])
      expect(runsIn(job)).toHaveLength(1);
  });

  it('comes to what each simulation comes to alone', async () => {
    // The name of a job is part of what its seeds are made of.
    const set = [
      '--set',
      'name=grid.fedopt.seed-2',
      '--set',
      'workflow.type=fedopt',
      '--set',
      'workflow.server_learning_rate=0.5',
    ];
    await runCli(['simulate', 'job', '--seed', '2', ...set, '-w', 'alone', '-q'], { cwd });
    const model = (folder: string, job: string) =>
      readFile(join(cwd, folder, job, 'latest', 'model.safetensors'));
    expect(await model('work', 'grid.fedopt.seed-2')).toEqual(await model('alone', 'grid.fedopt.seed-2'));
  });

  it('comes to the same bits with several runs at a time, and says what they take', async () => {
    const { answer } = await run('grid.yaml', '--jobs', '3', '-w', 'side');
    expect(answer.data).toMatchObject({ plan: { jobs_at_a_time: 3, memory: null }, result: { over: 4 } });
    const files = ['grid.fedavg.seed-1', 'grid.fedopt.seed-1', 'grid.fedavg.seed-2', 'grid.fedopt.seed-2'];
    for (const job of files.slice(1))
      for (const file of ['model.safetensors', 'best_model.safetensors'])
        expect(await readFile(join(cwd, 'side', job, 'latest', file))).toEqual(
          await readFile(join(cwd, 'work', job, 'latest', file)),
        );
    const cells = JSON.parse(
      await readFile(join(cwd, 'side/experiments/grid/experiment.json'), 'utf8'),
    ).cells;
    expect(cells.map(({ job }: { job: string }) => job)).toEqual(files);
    for (const { memory } of cells) expect(memory).toBeGreaterThan(1e6);
    const { answer: later } = await run('grid.yaml', '--jobs', '2', '-w', 'side', '--dry-run');
    expect(later.data).toMatchObject({ plan: { over: 4, memory: expect.any(Number) } });
  });

  it('makes runs again whose job has changed, and no others', async () => {
    await write(FILE.replace('rate: 0.5', 'rate: 0.25'), 'grid.yaml');
    const { answer } = await run('grid.yaml', '--dry-run');
    expect(answer.data).toMatchObject({ plan: { runs: 4, over: 2 } });
    expect((await run('grid.yaml')).code).toBe(0);
    expect(runsIn('grid.fedopt.seed-1')).toHaveLength(2);
    expect(runsIn('grid.fedavg.seed-2')).toHaveLength(1);
  });

  it('goes on after a run that fails, names it, and tries it again the next time', async () => {
    const script = TINY_SCRIPT.replace(
      'await flare.init();',
      'await flare.init();\nif (flare.args().step === 0) throw new Error("no step");',
    );
    await writeJob(join(cwd, 'failing'), { script });
    const text = 'version: 1\nname: fails\njob: failing\nvariants: { bad: { step: 0 }, good: { step: 1 } }\n';
    await write(text, 'fails.yaml');
    const failed = await run('fails.yaml');
    expect(failed).toMatchObject({
      code: 1,
      answer: { status: 'failed', data: { result: { over: 1, failed: 1 } } },
    });
    expect(failed.answer.data).toMatchObject({ result: { failures: [{ job: 'fails.bad.seed-1' }] } });
    await writeJob(join(cwd, 'failing'), { script: TINY_SCRIPT });
    expect(await run('fails.yaml')).toMatchObject({ code: 0, answer: { data: { result: { over: 2 } } } });
  });

  it('makes a new run beside one that was killed before it had said what it is', async () => {
    await write(
      'version: 1\nname: killed\njob: job\nset: { num_rounds: 1 }\nvariants: { only: {} }\n',
      'killed.yaml',
    );
    await mkdir(join(cwd, 'work', 'killed.only.seed-1', '20260101-000000'), { recursive: true });
    expect(await run('killed.yaml')).toMatchObject({ code: 0, answer: { data: { result: { over: 1 } } } });
    expect(runsIn('killed.only.seed-1')).toHaveLength(2);
  });

  it('says what each run took, also of one that ended early, which is not made again', async () => {
    const script = TINY_SCRIPT.replace(/accuracy: [^}]*}/, 'accuracy: 0.5 }').replace(
      'params: { weights: { dtype, shape, data: trained } }, metrics,',
      'params: { weights: { dtype, shape, data: trained } }, metrics: { ...metrics, images_seen: 10, steps: 3 },',
    );
    await writeJob(join(cwd, 'counting'), { script });
    const text =
      'version: 1\nname: early\njob: counting\nset: { num_rounds: 5 }\nvariants: { whole: {}, early: { early_stopping_patience: 1 } }\n';
    await write(text, 'early.yaml');
    // Of two sites in five rounds, and in two: model 1 is no better than model 0.
    const rows = [
      { variant: 'whole', work: { images_seen: 100, steps: 30 } },
      { variant: 'early', work: { images_seen: 40, steps: 12 } },
    ];
    for (let again = 0; again < 2; again++)
      expect(await run('early.yaml')).toMatchObject({
        code: 0,
        answer: { data: { result: { over: 2, rows } } },
      });
    expect(runsIn('early.early.seed-1')).toHaveLength(1);
    const { stdout } = await runCli(['experiment', 'compare', 'early.yaml'], { cwd });
    expect(stdout).toMatch(/images seen +steps +seconds/);
    expect(stdout).toMatch(/early +1 of 1 .* 40 +12 /);
    const other = await run('grid.yaml');
    expect(other.answer.data).toMatchObject({
      result: { rows: [{ work: { images_seen: null, steps: null } }, {}] },
    });
  });

  it.each([
    ['a value that makes no job', 'variants: { a: { num_rounds: 0 } }', 'NF_EXPERIMENT_JOB', 'bad.a.seed-1'],
    ['a name that the job does not have', 'set: { rounds: 3 }', 'NF_EXPERIMENT_JOB', 'rounds'],
    ['partitions of no data', 'partitions: { p: {} }', 'NF_EXPERIMENT_DATA', 'no data set'],
  ])('refuses %s before any run', async (_, text, code, said) => {
    await write(`version: 1\nname: bad\njob: job\n${text}\n`, 'bad.yaml');
    const { answer } = await run('bad.yaml');
    expect(answer).toMatchObject({ status: 'error', error_code: code });
    expect(`${answer.message}`).toContain(said);
  });

  it('deals the images of each variant apart where they are others', async () => {
    for (const line of [
      'preprocess phantom one --per-class 3 --sites 2 --size 32 -q',
      'preprocess phantom other --per-class 4 --sites 2 --size 32 -q',
      'job create mri --template mri-fedavg --set data=one -q',
    ])
      expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
    const variants = 'variants: { one: {}, same: { image_size: 32 }, other: { data: other } }';
    const text = `version: 1\nname: apart\njob: mri\npartitions: { p: { sites: 2 } }\ntest: 0.3\n${variants}\n`;
    await write(text, 'apart.yaml');
    const { code, answer } = await run('apart.yaml', '--dry-run');
    expect([code, answer.message]).toEqual([0, undefined]);
    expect(await readdir(join(cwd, 'work/experiments/apart/splits'))).toHaveLength(2);
  });

  it('names the partition that cannot be dealt', async () => {
    await mkdir(join(cwd, 'bids'), { recursive: true });
    await writeFile(
      join(cwd, 'bids/participants.tsv'),
      'participant_id\tdiagnosis\nsub-1\tglioma\nsub-2\tno_tumor\n',
    );
    const partitions =
      'partitions: { alike: { sites: 1 }, few: { sites: 2, strategy: shards, shards_per_site: 3 } }';
    await write(`version: 1\nname: bad\njob: job\nset: { data: bids }\n${partitions}\n`, 'bad.yaml');
    const { answer } = await run('bad.yaml');
    expect(answer).toMatchObject({ error_code: 'NF_EXPERIMENT_PARTITION' });
    expect(answer.message).toBe(
      'The partition few cannot be dealt with seed 1: 2 sites with 3 values of class each cannot be made: there are 2.',
    );
  });

  it('refuses a job that is not there', async () => {
    await write('version: 1\nname: bad\njob: nowhere\n', 'bad.yaml');
    expect((await run('bad.yaml')).answer).toMatchObject({ error_code: 'NF_JOB_NOT_FOUND' });
  });
});

describe('experiment compare', () => {
  it('writes the table, a CSV and a page that asks for nothing', async () => {
    const args = [
      'experiment',
      'compare',
      'grid.yaml',
      '--csv',
      't.csv',
      '--curves',
      'c.csv',
      '--html',
      't.html',
    ];
    const { code, stdout } = await runCli(args, { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('grid: 4 of 4 runs are over');
    expect(stdout).toMatch(/fedopt +2 of 2/);
    expect((await readFile(join(cwd, 't.csv'), 'utf8')).split('\r\n')).toHaveLength(4);
    // Three models of each of four runs.
    const curves = (await readFile(join(cwd, 'c.csv'), 'utf8')).trimEnd().split('\r\n');
    expect(curves).toHaveLength(1 + 4 * 3);
    expect(curves[0]).toBe('partition,variant,seed,metric,round,bytes,seconds,value');
    const page = await readFile(join(cwd, 't.html'), 'utf8');
    for (const axis of ['round', 'MB carried', 'seconds of training'])
      expect(page).toContain(`accuracy by ${axis}`);
    expect(page).toContain('<th scope="row">fedopt</th>');
    expect(page).not.toMatch(/https?:/);
  });

  it('says that nothing was run yet', async () => {
    await write(FILE.replace('name: grid', 'name: later'), 'later.yaml');
    const { stdout } = await runCli(['experiment', 'compare', 'later.yaml'], { cwd });
    expect(stdout).toContain('later: 0 of 4 runs are over');
  });

  it('refuses a result that is none', async () => {
    await mkdir(join(cwd, 'work/experiments/later'), { recursive: true });
    await writeFile(join(cwd, 'work/experiments/later/experiment.json'), '{"version": 9}');
    const { answer } = await runJson(['experiment', 'compare', 'later.yaml'], { cwd });
    expect(answer).toMatchObject({ error_code: 'NF_EXPERIMENT_FILE' });
  });
});

function rowsOf({ answer }: Awaited<ReturnType<typeof run>>): unknown {
  return (answer.data as { result: { rows: unknown[] } }).result.rows;
}

function runsIn(job: string): string[] {
  return existsSync(join(cwd, 'work', job)) ? runsOf(join(cwd, 'work'), job) : [];
}
