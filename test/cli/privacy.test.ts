import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { loadSubmittedJob } from '../../src/runtime/federation/submitted-job.ts';
import { ROOT } from '../support/docs-commands.ts';
import { writeJob } from '../support/job-folder.ts';
import { writeNetwork } from '../support/made-network.ts';
import { runCli } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

const PRIVACY = {
  epsilon: 8,
  delta: 1e-4,
  sampling_rate: 32 / 300,
  steps_per_round: 15,
  metrics: 'outside',
};

const CNN = { type: 'mri-cnn', image_size: 64, num_classes: 4 };
const ON_NETWORK = {
  type: 'backbone',
  import: './network.onnx',
  features: 8,
  image_size: 32,
  num_classes: 4,
};

async function privateJob(name: string, privacy: object = {}, model: object = CNN): Promise<string> {
  const folder = join(cwd, name);
  await mkdir(folder, { recursive: true });
  const patch = {
    name,
    workflow: { n_clients: 10, num_rounds: 15 },
    model: { initial_params: undefined, ...model },
    privacy: { ...PRIVACY, ...privacy },
  };
  return writeJob(folder, { patch });
}

const json = async (words: readonly string[]) => {
  const { stdout, code } = await runCli([...words, '--json'], { cwd });
  return { code, answer: JSON.parse(stdout) };
};

describe('privacy plan', () => {
  it('works out noise, signal and levers of a job without its data', async () => {
    const job = await privateJob('hospital');
    const { code, answer } = await json(['privacy', 'plan', job, '--groups', '300', '--target-epsilon', '3']);
    expect(code).toBe(0);
    const { data } = answer;
    // Of the oracle: 1.12 for an epsilon of 8 by PLD, and 2.14 for 3 (n 300, 32 a step, 225 steps, delta 1e-4).
    expect(data.noise).toBeCloseTo(1.12, 2);
    expect(data.epsilon).toBeLessThanOrEqual(8);
    expect(data.epsilon).toBeGreaterThan(7.99);
    expect(data.epsilon_rdp).toBeGreaterThan(data.epsilon);
    expect(data.steps).toBe(225);
    expect(data.parameters).toBe(105_668);
    expect(data.sites).toHaveLength(10);
    expect(data.sites[0]).toMatchObject({ groups: 300, batch: expect.closeTo(32, 6) });
    // The square root of the number of sites.
    expect(data.signal_to_noise / data.sites[0].signal_to_noise).toBeCloseTo(Math.sqrt(10), 6);
    expect(data.sites[0].signal_to_noise).toBeCloseTo(1.3, 1);
    expect(data.target.noise).toBeCloseTo(2.14, 2);
    expect(data.target.runs).toBe(0);
    const [again, folds] = data.repeats;
    expect(again.epsilon_rdp).toBeLessThan(2 * data.epsilon_rdp);
    expect(folds.epsilon_rdp).toBeGreaterThan(again.epsilon_rdp);
    const head = data.levers.find(({ change }: { change: string }) => change === 'the last layer alone');
    // 105,668 numbers, or the 64 x 4 and 4 of the logits.
    expect(head.gain).toBeCloseTo(Math.sqrt(105_668 / 260), 0);
  });

  it('counts what is trained on a pretrained network, which has no width to change', async () => {
    const job = await privateJob('transfer', {}, ON_NETWORK);
    const { code, answer } = await json(['privacy', 'plan', job, '--groups', '300']);
    expect([code, answer.data?.parameters]).toEqual([0, 8 * 4 + 4]);
    const changes = answer.data.levers.map(({ change }: { change: string }) => change);
    expect(changes.filter((change: string) => change.includes('width'))).toEqual([]);
  });

  it('says what given noise promises', async () => {
    const job = await privateJob('noisy', { epsilon: undefined, noise: 1.1 });
    const { data } = (await json(['privacy', 'plan', job, '--groups', '300'])).answer;
    // Of the oracle: 8.305 at a delta of 1e-4, of which 1e-8 goes to the tails of the noise.
    expect(data.epsilon).toBeCloseTo(8.305, 2);
    expect(data.target).toBeNull();
  });

  it('is told to people in tables', async () => {
    const { stdout, code } = await runCli(['privacy', 'plan', await privateJob('told'), '--groups', '300'], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('told: epsilon 8 at delta 0.0001, for each group of people of each site.');
    expect(stdout).toContain('cross-validation in 5 folds');
  });

  it.each([
    [
      'a site with so many groups that delta is none',
      { delta: 1e-4 },
      ['--groups', '10000'],
      'NF_PRIVACY_DELTA',
      '0.00001',
    ],
    ['no groups', {}, [], 'NF_PRIVACY_UNIT', '--groups'],
    [
      'a target that is none',
      {},
      ['--groups', '9', '--target-epsilon', 'low'],
      'NF_PRIVACY_PLAN',
      'Give a number',
    ],
  ])('refuses %s', async (what, privacy, words, errorCode, says) => {
    const job = await privateJob(what.replaceAll(' ', '-'), privacy);
    const { code, answer } = await json(['privacy', 'plan', job, ...words]);
    expect([code, answer.error_code]).toEqual([4, errorCode]);
    expect(answer.hint).toContain(says);
  });

  it('refuses a job without privacy, and shows what it would look like', async () => {
    const { code, answer } = await json([
      'privacy',
      'plan',
      await writeJob(join(cwd, 'plain')),
      '--groups',
      '9',
    ]);
    expect([code, answer.error_code]).toEqual([4, 'NF_PRIVACY_PLAN']);
    expect(answer.hint).toContain('privacy: {epsilon: 8');
  });
});

let seeded = '';
const SCRIPT = readFileSync(join(ROOT, 'templates/mri-dp-fedavg/client/mri-dp-fedavg.ts'), 'utf8');

describe('a private job', () => {
  beforeAll(async () => {
    const made = [
      'preprocess phantom bids --sites 2 --per-class 5 --size 32',
      'preprocess split bids --sites 2 --out split.json',
      'job create private --template mri-dp-fedavg --set data=./bids --set split=./split.json --set num_rounds=2 --set image_size=32 --set delta=0.01 --set steps_per_round=2 --set sampling_rate=0.5',
    ];
    for (const line of made) {
      const { code, stderr } = await runCli(line.split(' '), { cwd });
      expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
    }
  });

  const simulate = async (...words: string[]) => {
    const { code, answer } = await json(['simulate', 'private', '-q', ...words]);
    expect([code, answer.message]).toEqual([0, undefined]);
    const model = readFileSync(join(cwd, answer.data.final.file));
    return { ...answer.data, sha: sha256(model) };
  };

  it('trains a head on a pretrained network', async () => {
    await cp(join(cwd, 'private'), join(cwd, 'private-head'), { recursive: true });
    const file = join(cwd, 'private-head/job.yaml');
    const job = parse(await readFile(file, 'utf8'));
    const { num_classes: _, ...network } = ON_NETWORK;
    await writeFile(file, stringify({ ...job, model: { ...network, classes: job.model.classes } }));
    await writeNetwork(join(cwd, 'private-head/network.onnx'), { side: 32, channels: 3, filters: 8 });
    const { code, answer } = await json(['simulate', 'private-head', '-q']);
    expect([code, answer.message]).toEqual([0, undefined]);
    expect(answer.data.privacy).toMatchObject({ unit: 'group', steps: 4 });
  });

  it('is trained with noise that nobody can work out again', async () => {
    const [one, two] = [await simulate(), await simulate()];
    expect(one.privacy).toMatchObject({ unit: 'group', steps: 4, delta: 0.01, metrics: 'none' });
    // Figures of people stay at their sites.
    expect(one.models.flatMap(({ sites }: { sites: object }) => Object.values(sites))).not.toContain(
      expect.any(Number),
    );
    expect(one.best).toBeNull();
    expect(one.warnings.join()).toContain('figures stay at their sites');
    expect(one.privacy.epsilon).toBeLessThanOrEqual(8);
    expect(one.privacy.epsilon).toBeGreaterThan(7.9);
    expect(one.sha).not.toBe(two.sha);
  });

  it('promises nothing with noise from a seed, which gives the same bits on any number of threads', async () => {
    const runs = [];
    for (const threads of ['1', '2']) runs.push(await simulate('--insecure-noise-seed', '5', '-t', threads));
    const [one, two] = runs;
    expect(one?.privacy).toMatchObject({ epsilon: null, reason: 'noise was seeded' });
    expect(one?.sha).toBe(two?.sha);
    seeded = two?.run_id ?? '';
  });

  it.each([
    [
      'trains without privacy',
      (script: string) => script.replace(', privacy: flare.privacy()', ''),
      'NF_PRIVACY_UNPROTECTED',
      'is not as `getParams`',
    ],
    [
      'changes the model afterwards',
      (script: string) =>
        script.replace(
          'params: trainer.getParams()',
          'params: Object.fromEntries(Object.entries(trainer.getParams()).map(([name, one]) => [name, { ...one, data: one.data.map((x) => 2 * x) }]))',
        ),
      'NF_PRIVACY_UNPROTECTED',
      'is not as `getParams`',
    ],
    [
      'trains twice in a task',
      (script: string) => script.replace(/( *await trainer\.fit.*\n)/, '$1$1'),
      'NF_PRIVACY_UNPROTECTED',
      'twice in one task',
    ],
    [
      'makes up terms of its own',
      (script: string) => script.replace('flare.privacy()', '{ ...flare.privacy()!, noise: 0.001 }'),
      'NF_TRAIN_OPTION',
      'flare.privacy()',
    ],
    [
      'asks for epochs',
      (script: string) => script.replace('{ learningRate, seed', '{ epochs: 2, learningRate, seed'),
      'NF_PRIVACY_EPOCHS',
      'epochs in fit',
    ],
  ])('sends nothing of a script that %s', async (what, change, errorCode, says) => {
    const script = change(SCRIPT);
    expect(script).not.toBe(SCRIPT);
    const folder = join(cwd, what.replaceAll(' ', '-'));
    await cp(join(cwd, 'private'), folder, { recursive: true });
    await writeFile(join(folder, 'client/mri-dp-fedavg.ts'), script);
    const { code, answer } = await json(['simulate', folder, '-q', '--set', 'num_rounds=1']);
    expect([code === 0, answer.error_code]).toEqual([false, errorCode]);
    expect(answer.message).toContain(says);
  });

  it('is refused where a site is too small for its delta', async () => {
    const { code, answer } = await json(['job', 'validate', 'private', '--set', 'privacy.delta=0.1']);
    expect([code, answer.error_code]).toEqual([4, 'NF_PRIVACY_DELTA']);
    expect(answer.message).toContain('site-');
  });

  it('is taken over the network, unless its noise can be worked out again', async () => {
    const rules = { modelComesApart: false, mostModelBytes: 1e9 };
    const { job } = await loadSubmittedJob(join(cwd, 'private'), rules);
    expect(job.definition.privacy).toMatchObject({ unit: 'group', metrics: 'none' });
    const copy = join(cwd, 'seeded');
    await cp(join(cwd, 'private'), copy, { recursive: true });
    const yaml = await readFile(join(copy, 'job.yaml'), 'utf8');
    await writeFile(
      join(copy, 'job.yaml'),
      yaml.replace('privacy:', 'privacy:\n  insecure_noise_seed: 1\n#'),
    );
    await expect(loadSubmittedJob(copy, rules)).rejects.toMatchObject({ code: 'NF_PRIVACY_SEEDED' });
  });

  it('does not go on for more rounds than its noise was worked out for', async () => {
    const { code, answer } = await json([
      ...['simulate', 'private', '-q', '--resume', '--run', seeded, '--insecure-noise-seed', '5'],
      ...['--set', 'num_rounds=3'],
    ]);
    expect([code, answer.error_code]).toEqual([4, 'NF_PRIVACY_PLAN']);
  });
});
