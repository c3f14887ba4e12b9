import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JobDefinition } from '../../../src/runtime/job/definition.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { spendsOfJob, spendsOfTask } from '../../../src/runtime/job/privacy-spends.ts';
import { tasksOf } from '../../../src/runtime/job/workflow-tasks.ts';
import { toldPrivately, toldSeconds } from '../../../src/runtime/site/private-answer.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const PRIVACY = { noise: 1.3, delta: 1e-3, sampling_rate: 0.2, steps_per_round: 5 };
const SAID = { metrics: { accuracy: 0.75, ages: [71] }, numExamples: 23 };
let open: JobDefinition;
let outside: JobDefinition;
let closed: JobDefinition;

beforeAll(async () => {
  const load = async (name: string, privacy: object | undefined) =>
    (await loadJob(await writeJob(join(root, name), { patch: privacy ? { privacy } : {} }))).definition;
  open = await load('open', undefined);
  outside = await load('outside', { ...PRIVACY, metrics: 'outside' });
  closed = await load('closed', { ...PRIVACY, metrics: 'none' });
});

const task = (job: JobDefinition, name: string) => {
  const form = tasksOf(job)[name];
  if (!form) throw new Error(name);
  return { form };
};

describe('an answer of a private job', () => {
  it('has no figures but that the key metric is undefined, and the weight that the trainer counted', () => {
    expect(toldPrivately(SAID, closed, task(closed, 'train'))).toEqual({
      metrics: { accuracy: null },
      numExamples: 23,
    });
    expect(toldPrivately(SAID, closed, task(closed, 'evaluate'))).toEqual({
      metrics: { accuracy: null },
      numExamples: 1,
    });
  });

  it('has figures where the job says that they are outside its promise, as a job without one', () => {
    for (const job of [open, outside]) expect(toldPrivately(SAID, job, task(job, 'train'))).toEqual(SAID);
  });

  it.each([
    [0.2, 10],
    [9.9, 10],
    [10.1, 20],
    [61, 70],
  ])('that took %d s is told as %d', (seconds, told) => {
    expect(toldSeconds(seconds, closed)).toBe(told);
    expect(toldSeconds(seconds, open)).toBe(seconds);
  });
});

describe('what a private job costs', () => {
  it('is the steps of each round, and nothing where it only scores', () => {
    const spend = { part: 'train', rate: 0.2, sigma: 1.3, steps: 5 };
    expect(spendsOfTask(closed, { name: 'train' })).toEqual([spend]);
    expect(spendsOfTask(closed, { name: 'evaluate' })).toEqual([]);
    expect(spendsOfTask(open, { name: 'train' })).toEqual([]);
    expect(spendsOfJob(closed)).toEqual([{ ...spend, steps: 10 }]);
  });
});
