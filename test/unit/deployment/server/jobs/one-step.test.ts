import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { oneStep } from '../../../../../src/runtime/deployment/server/jobs/one-step.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const note = join(root, 'step.json');
type Step = Parameters<typeof oneStep>[1];
const MAKING: Step = 'making the model of this job';
const OPENING: Step = 'opening this job';
/** As a server leaves it that dies in the step: it never comes back from it. */
const die = (step: Step, path = note) =>
  new Promise<void>((begun, fail) => {
    oneStep(path, step, async () => {
      begun();
      await new Promise(() => undefined);
    }).catch(fail);
  });

describe('a step of a job that a server died in', () => {
  it('is tried a fourth time, not a fifth, and its name is said', async () => {
    for (let times = 0; times < 4; times++) await die(MAKING);
    await expect(oneStep(note, MAKING, async () => 1)).rejects.toMatchObject({
      code: 'NF_JOB_HELD',
      message: expect.stringContaining('4 times while it was making the model of this job'),
    });
  });

  it.each<Step>([
    OPENING,
    'reading the log of this job',
    MAKING,
    "making a round's model of this job",
    'writing the results of this job',
  ])('three times, for something else, is done: %s', async (step) => {
    const outside = join(root, 'outside.json');
    for (let times = 0; times < 3; times++) await die(step, outside);
    expect(await oneStep(outside, step, async () => 1)).toBe(1);
    await expect(readFile(outside)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['', '{"step": "making', '[]', '{"step": 1, "times": "x"}'])(
    'counts as tried once where its note is damaged: %j',
    async (text) => {
      const damaged = join(root, `damaged-${text.length}.json`);
      await writeFile(damaged, text);
      await die(OPENING, damaged);
      expect(JSON.parse(await readFile(damaged, 'utf8'))).toEqual({ [OPENING]: 2 });
    },
  );

  it('is not forgotten by the steps that come before it after a restart', async () => {
    const later = join(root, 'later.json');
    for (const times of [1, 2, 3, 4]) {
      expect(await oneStep(later, OPENING, async () => 1)).toBe(1);
      await die(MAKING, later);
      expect(JSON.parse(await readFile(later, 'utf8'))).toEqual({ [MAKING]: times });
    }
    expect(await oneStep(later, OPENING, async () => 1)).toBe(1);
    await expect(oneStep(later, MAKING, async () => 1)).rejects.toMatchObject({ code: 'NF_JOB_HELD' });
  });

  it('that an earlier version has noted counts', async () => {
    const old = join(root, 'old.json');
    await writeFile(old, JSON.stringify({ step: MAKING, times: 4 }));
    await expect(oneStep(old, MAKING, async () => 1)).rejects.toMatchObject({ code: 'NF_JOB_HELD' });
  });

  it('is forgotten once it was passed, by a failure, too, and counts for itself alone', async () => {
    const fresh = join(root, 'fresh.json');
    expect(await oneStep(fresh, OPENING, async () => 1)).toBe(1);
    await expect(oneStep(fresh, OPENING, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await expect(readFile(fresh)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await oneStep(note, OPENING, async () => 2)).toBe(2);
  });
});
