import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { oneStep } from '../../../../src/runtime/server/jobs/one-step.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const note = join(root, 'step.json');
/** As a server leaves it that dies in the step: it never comes back from it. */
const die = (step: string) =>
  new Promise<void>((begun, fail) => {
    oneStep(note, step, async () => {
      begun();
      await new Promise(() => undefined);
    }).catch(fail);
  });

describe('a step of a job that a server died in', () => {
  it('is tried a second time, not a third, and its name is said', async () => {
    await die('making it');
    await die('making it');
    await expect(oneStep(note, 'making it', async () => 1)).rejects.toMatchObject({
      code: 'NF_JOB_HELD',
      message: expect.stringContaining('2 times while it was making it'),
    });
  });

  it('is forgotten once it was passed, by a failure, too, and counts for itself alone', async () => {
    const fresh = join(root, 'fresh.json');
    expect(await oneStep(fresh, 'a', async () => 1)).toBe(1);
    await expect(oneStep(fresh, 'a', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await expect(readFile(fresh)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await oneStep(note, 'another', async () => 2)).toBe(2);
  });
});
