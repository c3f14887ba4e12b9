import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CliResult } from '../support/cli.ts';
import { TINY_JOB, writeJob } from '../support/job-folder.ts';
import { readModel } from '../support/model-files.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { eventsOf, finalModel, latestRun, leftovers, runsOf } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const workspace = join(root, 'work');
let count = 0;

/** A run of the tiny job in a workspace of its own. */
async function simulate(args: readonly string[] = [], job = 'tiny') {
  const name = `work-${count++}`;
  const result = await runCli(['simulate', job, '-w', name, ...args], { cwd: root });
  const run = () => latestRun(join(root, name));
  return { ...result, workspace: join(root, name), run };
}

beforeAll(async () => {
  await writeJob(join(root, 'tiny'));
  await mkdir(join(root, 'bids'));
  await writeFile(join(root, 'bids/participants.tsv'), 'participant_id\tdiagnosis\nsub-1\tglioma\n');
});

describe('simulate of hello-fedavg-numpy', () => {
  let result: CliResult;
  let run = '';

  beforeAll(async () => {
    await runCli(['job', 'create', 'hello', '--template', 'hello-fedavg-numpy'], { cwd: root });
    result = await runCli(['simulate', 'hello'], { cwd: root });
    run = latestRun(workspace, 'hello');
  });

  it('ends with 0 and the numbers 4 to 12', async () => {
    expect(result.code).toBe(0);
    const { numpy_key: array } = await readModel(join(run, 'model.safetensors'));
    expect([...(array?.data ?? [])]).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(array).toMatchObject({ dtype: 'float32', shape: [3, 3] });
  });

  it('prints figures by model and site, and where the models lie', () => {
    const lines = result.stdout.split('\n').map((line) => line.trim().split(/\s+/).slice(0, 4).join(' '));
    expect(lines).toEqual(
      expect.arrayContaining(['model all sites site-1', '0 5.000 5.000 5.000', '3 8.000 8.000 8.000']),
    );
    expect(result.stdout).toMatch(/^Run \S+ of hello, finished: 3 rounds, 2 sites\.$/m);
    expect(result.stdout).toMatch(
      /final model +work\/hello\/\S+\/model\.safetensors +\(model 3, accuracy 8\.000\)/,
    );
  });

  it('tells of each round on stderr', () => {
    expect(result.stderr).toMatch(/^Running in work\/hello\//);
    expect(result.stderr).toContain('round 1 of 3 closed, accuracy of model 0: 5.000');
    expect(result.stderr).toContain('final model scored, accuracy of model 3: 8.000');
  });

  it('leaves a folder with the card, the log, the bundle, the models and the figures', () => {
    expect(readdirSync(run).sort()).toEqual([
      'best_model.safetensors',
      'bundle',
      'events.jsonl',
      'metrics.json',
      'model.safetensors',
      'models',
      'round_metrics.jsonl',
      'run.json',
      'sites',
    ]);
    expect(JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'))).toMatchObject({
      status: 'finished',
      final: { model: 3, value: 8 },
    });
    const lines = readFileSync(join(run, 'round_metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).model)).toEqual([0, 1, 2, 3]);
  });

  it('leaves no updates, locks or temporary files', () => {
    expect(leftovers(workspace)).toEqual([]);
    expect(readdirSync(join(run, 'sites/site-1'))).toEqual(['log.txt']);
  });

  it('writes what the scripts print to the log of each site', () => {
    const log = readFileSync(join(run, 'sites/site-2/log.txt'), 'utf8');
    expect(log.replace(/^\S+Z /gm, '')).toBe(
      [1, 2, 3].map((round) => `round ${round}: round ${round} of 3 at site-2\n`).join(''),
    );
  });

  it('shows what the scripts print with -l full', async () => {
    const { stderr } = await runCli(['simulate', 'hello', '-w', 'full', '-l', 'full'], { cwd: root });
    expect(stderr).toContain('[site-1] round 1 of 3 at site-1');
  });
});

describe('a GPU that is not there', () => {
  it('is said once, in words of neuroflare', async () => {
    const { code, stdout, stderr } = await runCli(['simulate', 'hello', '-w', 'gpu', '--gpu', '7'], {
      cwd: root,
    });
    expect(code).toBe(0);
    const said = `${stdout}${stderr}`;
    expect(said.match(/GPU 7 is not used/g)).toHaveLength(1);
    expect(stderr.split('\n')[0]).toMatch(/^warning: GPU 7 is not used, computing on the CPU: /);
    const first = await runCli(['simulate', 'hello', '-w', 'gpu', '--gpu', '0'], { cwd: root });
    expect(`${first.stdout}${first.stderr}`).not.toMatch(/BackendVk|Dawn|libvulkan/i);
  });
});

describe('the same job', () => {
  it('has the same bytes with any number of threads', async () => {
    const [one, two, five] = [
      await simulate(['-n', '5', '-t', '1', '-q']),
      await simulate(['-n', '5', '-t', '2', '-q']),
      await simulate(['-n', '5', '-t', '5', '-q']),
    ];
    expect([one.code, two.code, five.code]).toEqual([0, 0, 0]);
    expect(finalModel(two.run())).toEqual(finalModel(one.run()));
    expect(finalModel(five.run())).toEqual(finalModel(one.run()));
    const figures = [one, two].map(({ run }) => readFileSync(join(run(), 'round_metrics.jsonl'), 'utf8'));
    expect(figures[1]).toBe(figures[0]);
  });

  it('has other bytes with another seed, and the same with the same', async () => {
    const [zero, first, again] = [
      await simulate(['-q']),
      await simulate(['-q', '--seed', '1']),
      await simulate(['-q', '--seed', '1']),
    ];
    expect(finalModel(first.run())).not.toEqual(finalModel(zero.run()));
    expect(finalModel(again.run())).toEqual(finalModel(first.run()));
  });

  it('never writes over an earlier run', async () => {
    const name = `work-${count++}`;
    const runs = [1, 2, 3].map(() => runCli(['simulate', 'tiny', '-w', name, '-q'], { cwd: root }));
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(runsOf(join(root, name))).toHaveLength(3);
    expect(leftovers(join(root, name))).toEqual([]);
  });

  it('keeps nothing in the variables of a module, with one thread or two', async () => {
    const script = `import * as flare from 'neuroflare/client';
import { count } from './counter.ts';
let mine = 0;
const { params } = await flare.receive();
await flare.send({ params, metrics: { accuracy: count(), mine: ++mine } });`;
    const counter = 'let calls = 0;\nexport const count = (): number => ++calls;\n';
    await writeJob(join(root, 'counts'), { script, files: { 'client/counter.ts': counter } });
    for (const threads of ['1', '2']) {
      const { run } = await simulate(['-n', '3', '-t', threads, '-q'], 'counts');
      const closed = eventsOf(run()).filter((event) => event.type === 'round.closed');
      expect(closed.map(({ metrics }) => [metrics.accuracy, metrics.mine])).toEqual([
        [1, 1],
        [1, 1],
        [1, 1],
      ]);
    }
  });
});

describe('the sites of a simulation', () => {
  it('may be named', async () => {
    const { run, code } = await simulate(['-c', 'oslo, berlin', '-q']);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(run(), 'run.json'), 'utf8')).sites).toEqual(['berlin', 'oslo']);
  });

  it('are as many as the flag says', async () => {
    const { stdout } = await simulate(['--n-clients', '3']);
    expect(stdout).toContain('2 rounds, 3 sites.');
  });

  it.each([
    [['-n', '1001'], 'NF_SIMULATE_MAX_CLIENTS'],
    [['-n', '3', '-m', '2'], 'NF_SIMULATE_MAX_CLIENTS'],
    [['-c', 'a,a'], 'NF_JOB_SITE_NAME'],
    [['-c', '../../x'], 'NF_JOB_SITE_NAME'],
    [['-n', '0'], 'NF_USAGE'],
    [['-n', '2', '-c', 'a'], 'NF_USAGE'],
    [['-t', '0'], 'NF_USAGE'],
    [['--seed', '-1'], 'NF_USAGE'],
    [['--data', 'nowhere'], 'NF_'],
    [['--set', 'num_round=1'], 'NF_JOB_VARIABLE'],
    [['--data', 'bids'], 'NF_SIMULATE_NO_SPLIT'],
  ])('are refused with 4 and nothing left: %j', async (args, code) => {
    const result = await simulate(args);
    expect(result.code).toBe(4);
    expect(result.stderr).toMatch(new RegExp(`code: ${code}`));
    expect(result.stdout).toBe('');
    expect(existsSync(result.workspace)).toBe(false);
  });

  it('may be more than a thousand where that is meant', async () => {
    const { answer } = await runJson(['simulate', 'tiny', '-n', '3', '-m', '3', '-w', 'm'], { cwd: root });
    expect(answer.exit_code).toBe(0);
  });

  it('may fail where the job allows it, which is said at the end', async () => {
    const script = `import * as flare from 'neuroflare/client';
if (flare.siteName() === 'site-2') throw new Error('no power');
const { params } = await flare.receive();
await flare.send({ params, metrics: { accuracy: 1 } });`;
    const workflow = { ...TINY_JOB.workflow, n_clients: 3, min_clients: 2 };
    await writeJob(join(root, 'tolerant'), { script, patch: { name: 'tiny', workflow } });
    const { code, stdout, stderr } = await simulate([], 'tolerant');
    expect(code).toBe(0);
    expect(stdout).toContain('warning: site-2 failed in round 1: NF_SCRIPT_FAILED: ');
    expect(stderr).toContain('no power (site-2, round 1, tolerant/client/train.ts:2:');
  });
});

describe('simulate --json', () => {
  it('answers with one envelope on stdout', async () => {
    const { answer, stdout, code } = await runJson(['simulate', 'tiny', '-w', 'json'], { cwd: root });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(answer).toMatchObject({
      schema_version: '1',
      status: 'ok',
      exit_code: 0,
      data: {
        job: 'tiny',
        status: 'finished',
        rounds: 2,
        sites: ['site-1', 'site-2'],
        metric: 'accuracy',
        models: [{ model: 0 }, { model: 1 }, { model: 2 }],
        final: { model: 2 },
        best: { model: 2 },
        failures: [],
        warnings: [],
      },
    });
  });

  it('and --quiet says nothing on stderr', async () => {
    expect((await simulate(['--json', '--quiet'])).stderr).toBe('');
  });
});

describe('values of --set', () => {
  it('change the job of this run alone', async () => {
    const { answer } = await runJson(['simulate', 'tiny', '-w', 'set', '--set', 'num_rounds=1'], {
      cwd: root,
    });
    expect(answer.data).toMatchObject({ rounds: 1 });
    expect(readFileSync(join(root, 'tiny/job.yaml'), 'utf8')).toContain('num_rounds: 2');
  });
});
