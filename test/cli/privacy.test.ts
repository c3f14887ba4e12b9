import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeJob } from '../support/job-folder.ts';
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

async function privateJob(name: string, privacy: object = {}): Promise<string> {
  const folder = join(cwd, name);
  await mkdir(folder, { recursive: true });
  const patch = {
    name,
    workflow: { n_clients: 10, num_rounds: 15 },
    model: { initial_params: undefined, type: 'mri-cnn', image_size: 64, num_classes: 4 },
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

describe('a private job', () => {
  it('is not run while nothing keeps its promise', async () => {
    const { code, answer } = await json(['simulate', await privateJob('run')]);
    expect([code, answer.error_code]).toEqual([4, 'NF_PRIVACY_NO_LEDGER']);
  });
});
