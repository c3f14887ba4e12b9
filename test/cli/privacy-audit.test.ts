import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

async function json(words: readonly string[]) {
  const { stdout, code } = await runCli([...words, '--json'], { cwd });
  return { code, answer: JSON.parse(stdout) };
}

describe('privacy audit', () => {
  beforeAll(async () => {
    const made = [
      'preprocess phantom bids --sites 2 --per-class 10 --size 32',
      'preprocess split bids --sites 2 --seed 1 --test 0.3 --validation 0.1 --out one.json',
      'preprocess split bids --sites 2 --seed 2 --test 0.7 --validation 0.1 --out two.json',
      'job create private --template mri-dp-fedavg --set data=./bids --set split=./one.json --set num_rounds=1 --set image_size=32 --set steps_per_round=2 --set sampling_rate=0.5 --set delta=0.01',
      'job create plain --template mri-fedavg --set data=./bids --set split=./two.json --set num_rounds=1 --set image_size=32 --set local_epochs=1',
      'simulate private -q',
      'simulate plain -q',
    ];
    for (const line of made) {
      const { code, stderr } = await runCli(line.split(' '), { cwd });
      expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
    }
  });

  it('says what a private run promises, whether its steps keep to it, and what attacks come to', async () => {
    const { code, answer } = await json(['privacy', 'audit', 'private', '--canaries', '2000']);
    expect([code, answer.message]).toEqual([0, undefined]);
    const { audit, file } = answer.data;
    expect(audit.guarantee).toMatchObject({ unit: 'group', delta: 0.01, steps: 2, sampling_rate: 0.5 });
    expect(audit.guarantee.epsilon).toBeLessThanOrEqual(8);
    expect(audit.check).toMatchObject({ canaries: 2000, steps: 2, verdict: 'as_promised', faults: [] });
    expect(audit.check.checks).toHaveLength(9);
    expect(audit.one_run).toMatchObject({
      delta: 1e-6,
      canaries: 2000,
      guesses: 200,
      verdict: 'no_contradiction',
    });
    expect(audit.one_run.bound).toBeLessThan(audit.one_run.largest_bound);
    expect(audit.membership).toMatchObject({ references: 0, members: expect.any(Number) });
    expect(audit.membership.auc.low).toBeLessThan(0.5);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(audit);
  });

  it('judges losses by those of runs that have not seen the same people', async () => {
    const { code, answer } = await json([
      'privacy',
      'audit',
      'private',
      '--reference',
      'plain',
      '--canaries',
      '1000',
    ]);
    expect([code, answer.message]).toEqual([0, undefined]);
    const { references, members, others } = answer.data.audit.membership;
    // Those whom the other run was trained on say nothing.
    expect(references).toBe(1);
    expect([members, others].every((count) => count >= 10)).toBe(true);
    expect(members + others).toBeLessThan(72);
  });

  it('says of a run without privacy that nothing is promised', async () => {
    const { code, answer } = await json(['privacy', 'audit', 'plain']);
    expect([code, answer.message]).toEqual([0, undefined]);
    expect(answer.data.audit).toMatchObject({ guarantee: null, check: null, one_run: null });
    const { stdout } = await runCli(['privacy', 'audit', 'plain'], { cwd });
    expect(stdout).toContain('The job promises nothing: it has no privacy.');
    expect(stdout).toContain('An attack that fails is no proof');
  });

  it('is shown by the report, the promise first', async () => {
    const { code, answer } = await json(['report', 'private']);
    expect([code, answer.message]).toEqual([0, undefined]);
    const page = await readFile(answer.data.report, 'utf8');
    const order = [
      'What it tells of people',
      'Epsilon',
      'Steps do what they say',
      'guesses were right',
      'AUC',
    ];
    const places = order.map((words) => page.indexOf(words));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  it.each([
    [['privacy', 'audit', 'private', '--reference', 'nothing'], 'NF_RUN_TARGET'],
    [['privacy', 'audit', 'private', '--canaries', '10'], 'NF_USAGE'],
  ])('%j is refused', async (words, code) => {
    const { answer } = await json(words);
    expect(answer.error_code).toBe(code);
  });
});
