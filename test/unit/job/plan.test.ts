import { describe, expect, it } from 'vitest';
import { defineJob } from '../../../src/runtime/job/definition.ts';
import { argsOfSite, planRun, type RunFlags } from '../../../src/runtime/job/plan.ts';
import { jobFileSchema } from '../../../src/runtime/job/schema.ts';
import { TINY_JOB } from '../../support/job-folder.ts';

interface Counts {
  readonly n?: number;
  readonly min?: number;
  readonly sites?: Record<string, { args: { step: number } }>;
  readonly data?: { root: string; split?: string };
  readonly more?: object;
}

function jobWith({ n, min, sites = {}, data, more }: Counts) {
  const workflow = {
    type: 'fedavg',
    num_rounds: 2,
    ...(n !== undefined && { n_clients: n }),
    ...(min !== undefined && { min_clients: min }),
    ...more,
  };
  return defineJob(
    jobFileSchema.parse({ ...TINY_JOB, workflow, sites, ...(data && { data }) }),
    '/jobs/x/job.yaml',
  );
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `site-${index + 1}`);
const HOSPITALS = ['berlin', 'oslo', 'rome'];

describe('who takes part', () => {
  const cases: readonly [string, Counts, RunFlags, string[] | undefined, readonly string[]][] = [
    ['without any number: two', {}, {}, undefined, numbered(2)],
    ["the job's number", { n: 3 }, {}, undefined, numbered(3)],
    ["the flag's over the job's", { n: 3 }, { clients: 5 }, undefined, numbered(5)],
    ['the flag alone', {}, { clients: 1 }, undefined, numbered(1)],
    ["the split's sites", {}, {}, HOSPITALS, HOSPITALS],
    ["the split's sites where the job agrees", { n: 3 }, {}, HOSPITALS, HOSPITALS],
    ["the split's sites where the flag agrees", { n: 2 }, { clients: 3 }, HOSPITALS, HOSPITALS],
    ['named sites', { n: 5 }, { siteNames: ['b', 'a'] }, undefined, ['a', 'b']],
    ['some sites of a split', {}, { siteNames: ['rome', 'oslo'] }, HOSPITALS, ['oslo', 'rome']],
    ['ten sites in the order of their numbers', { n: 10 }, {}, undefined, numbered(10)],
  ];

  it.each(cases)('%s', (_, counts, flags, split, expected) => {
    expect(planRun(jobWith(counts), flags, split).sites).toEqual(expected);
  });

  it.each([
    [
      'the job and the split',
      { n: 2 },
      {},
      HOSPITALS,
      'flag none, job n_clients 2, min_clients none, split 3',
    ],
    [
      'the flag and the split',
      {},
      { clients: 4 },
      HOSPITALS,
      'flag 4, job n_clients none, min_clients none, split 3',
    ],
    ['the flag, the job and the split', { n: 2 }, { clients: 4 }, HOSPITALS, 'flag 4, job n_clients 2'],
    [
      'the flag and min_clients',
      { n: 3, min: 2 },
      { clients: 1 },
      undefined,
      'flag 1, job n_clients 3, min_clients 2',
    ],
    ['the names and min_clients', { n: 3, min: 2 }, { siteNames: ['a'] }, undefined, 'flag 1'],
    ['min_clients and the split', { min: 4 }, {}, HOSPITALS, 'min_clients 4, split 3'],
  ] as const)('is refused where %s disagree, naming all three', (_, counts, flags, split, message) => {
    expect(() => planRun(jobWith(counts), flags, split && [...split])).toThrow(
      expect.objectContaining({ code: 'NF_JOB_COUNTS', message: expect.stringContaining(message) }),
    );
  });

  it('is refused where a named site is not in the split, with a nearest match', () => {
    expect(() => planRun(jobWith({}), { siteNames: ['olso'] }, HOSPITALS)).toThrow(
      expect.objectContaining({
        code: 'NF_JOB_SITES',
        message: expect.stringContaining("Did you mean 'oslo'?"),
      }),
    );
  });

  it('is refused where the job overrides a site that does not take part', () => {
    const job = jobWith({ n: 2, sites: { 'site-3': { args: { step: 1 } } } });
    expect(() => planRun(job, {})).toThrow("job.yaml names the site 'site-3', which does not take part");
  });

  it('may leave out a site of the split that the job overrides', () => {
    const job = jobWith({ sites: { rome: { args: { step: 1 } } } });
    expect(planRun(job, { siteNames: ['oslo'] }, HOSPITALS).sites).toEqual(['oslo']);
  });

  it.each([
    ['twice', ['a', 'b', 'a'], 'it is given twice'],
    ['with a path in it', ['../../x'], 'it has other characters or none'],
    ['that is empty', ['a', ''], 'it has other characters or none'],
    ['with a space', ['a b'], 'it has other characters or none'],
    ['of one dot', ['.'], 'it has other characters or none'],
    ['of 65 letters', ['x'.repeat(65)], 'it has other characters or none'],
  ])('is refused with a name %s', (_, siteNames, reason) => {
    expect(() => planRun(jobWith({}), { siteNames })).toThrow(
      expect.objectContaining({ code: 'NF_JOB_SITE_NAME', message: expect.stringContaining(reason) }),
    );
  });

  it('shows eight of many sites in an error', () => {
    const job = jobWith({ n: 20, sites: { x: { args: { step: 1 } } } });
    expect(() => planRun(job, {})).toThrow('site-8, …');
  });
});

describe('a plan', () => {
  it('needs all sites unless the job says less', () => {
    expect(planRun(jobWith({ n: 3 }), {}).minClients).toBe(3);
    expect(planRun(jobWith({ n: 3 }), { clients: 5 }).minClients).toBe(5);
    expect(planRun(jobWith({ n: 3, min: 2 }), { clients: 5 }).minClients).toBe(2);
  });

  it('takes the seed of the flag, also 0', () => {
    expect(planRun(jobWith({}), {}).job.seed).toBe(7);
    expect(planRun(jobWith({}), { seed: 0 }).job.seed).toBe(0);
  });

  it("takes the flag's data with the job's split", () => {
    const job = jobWith({ data: { root: './bids', split: './split.json' } });
    expect(planRun(job, { dataRoot: '/other' }).job.data).toEqual({
      root: '/other',
      split: '/jobs/x/split.json',
    });
    expect(planRun(jobWith({}), { dataRoot: '/other' }).job.data).toEqual({
      root: '/other',
      split: undefined,
    });
  });

  it("gives a site its own arguments over the job's", () => {
    const job = jobWith({ sites: { 'site-2': { args: { step: 9 } } } });
    expect([argsOfSite(job, 'site-1'), argsOfSite(job, 'site-2')]).toEqual([{ step: 1 }, { step: 9 }]);
  });
});

describe('an aggregator of all answers at once', () => {
  const aggregating = (aggregator: string, counts: Counts = {}, trim_ratio?: number) =>
    jobWith({ ...counts, more: { aggregator, ...(trim_ratio !== undefined && { trim_ratio }) } });
  const byKrum = (aggregator: string, byzantine_clients: number, counts: Counts) =>
    jobWith({ ...counts, more: { aggregator, byzantine_clients } });

  it.each([
    ['the median of two', aggregating('median'), {}, /needs 3 answers in each round.*2 answers/],
    ['the median where a round may close with two', aggregating('median', { n: 5, min: 2 }), {}, /2 answers/],
    [
      'a trimmed mean that would leave out none',
      aggregating('trimmed_mean', { n: 4 }),
      {},
      /needs 5 .*4 answers/,
    ],
    [
      'a trimmed mean of a small part',
      aggregating('trimmed_mean', { n: 9 }, 0.1),
      {},
      /needs 10 .*9 answers/,
    ],
    ['Krum of four', aggregating('krum', { n: 4 }), {}, /needs 5 answers.*4 answers/],
    ['Krum for three of eight', byKrum('krum', 3, { n: 8 }), {}, /needs 9 answers.*8 answers/],
    [
      'Multi-Krum where a round may close with six',
      byKrum('multi_krum', 2, { n: 9, min: 6 }),
      {},
      /needs 7 answers.*6 answers/,
    ],
    ['a geometric median of two', aggregating('geometric_median'), {}, /needs 3 answers.*2 answers/],
    ['centered clipping of two', aggregating('centered_clipping'), {}, /needs 3 answers.*2 answers/],
    ['a bound by the median of two', aggregating('norm_bound'), {}, /needs 3 answers.*2 answers/],
    ['fewer sites on the command line', aggregating('median', { n: 5 }), { clients: 2 }, /2 answers/],
  ])('refuses %s, before work starts', (_, job, flags, message) => {
    expect(() => planRun(job, flags)).toThrow(
      expect.objectContaining({
        code: 'NF_JOB_TOO_FEW_SITES',
        message: expect.stringMatching(message),
        place: { key: 'workflow.type' },
      }),
    );
  });

  it.each([
    ['median', { n: 3 }, undefined],
    ['trimmed_mean', { n: 5 }, undefined],
    ['trimmed_mean', { n: 10 }, 0.1],
    ['trimmed_mean', { n: 3 }, 0.34],
    ['krum', { n: 5 }, undefined],
    ['multi_krum', { n: 5 }, undefined],
    ['geometric_median', { n: 3 }, undefined],
  ])('takes %s of enough', (aggregator, counts, ratio) => {
    expect(planRun(aggregating(aggregator, counts, ratio), {}).minClients).toBe(counts.n);
  });
});
