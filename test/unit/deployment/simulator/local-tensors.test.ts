import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runFolder } from '../../../../src/runtime/run/run-folder.ts';
import { readEvents } from '../../../../src/runtime/run/stored-runs.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { LOCAL_MODEL, LOCAL_SCRIPT } from '../../../support/local-tensors-job.ts';
import { readModel } from '../../../support/model-files.ts';
import { simulateQuietly } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function run(workflow: object, args: object = {}): Promise<string> {
  const folder = join(root, String(count++));
  const patch = {
    workflow: { n_clients: 2, num_rounds: 3, ...workflow },
    model: LOCAL_MODEL,
    executor: { args },
  };
  const job = await writeJob(join(folder, 'job'), { script: LOCAL_SCRIPT, patch });
  return simulateQuietly(job, { workspace: join(folder, 'work') });
}

/** What each site says it was given of its own array, by task. */
async function seenIn(place: string): Promise<Record<string, unknown>> {
  const events = await Array.fromAsync(readEvents(runFolder(place)));
  return Object.fromEntries(
    events.flatMap((event) =>
      event.type === 'result.accepted' ? [[event.task, event.result.metrics.own]] : [],
    ),
  );
}

describe('a simulation in which arrays stay at the sites', () => {
  it.each([
    ['whole models', 'FULL'],
    ['differences', 'DIFF'],
  ])('averages the others, and each site goes on with its own: %s', async (_, type) => {
    const place = await run({ local_tensors: ['bn/*'] }, { type });
    const model = await readModel(join(place, 'model.safetensors'));
    // site-1 adds 1 to what it has, site-2 adds 2.
    expect([...(model.weights?.data ?? [])]).toEqual([1 + 3 * 1.5, 2 + 3 * 1.5]);
    expect([...(model['bn/mean']?.data ?? [])]).toEqual([10]);
    expect(await seenIn(place)).toEqual({
      'train/1/site-1': 10,
      'train/2/site-1': 11,
      'train/3/site-1': 12,
      'evaluate/4/site-1': 13,
      'train/1/site-2': 10,
      'train/2/site-2': 12,
      'train/3/site-2': 14,
      'evaluate/4/site-2': 16,
    });
  });

  it('is all averages without them', async () => {
    expect(await seenIn(await run({}))).toMatchObject({
      'evaluate/4/site-1': 14.5,
      'evaluate/4/site-2': 14.5,
    });
  });

  it.each([
    [
      'a name that no array has',
      ['bn/*', 'norm*'],
      /no array has a name like norm\*; there are bn\/mean, weights/,
    ],
    ['all of them', ['*'], /no array is left to average/],
  ])('is refused with %s', async (_, local_tensors, message) => {
    await expect(run({ local_tensors })).rejects.toMatchObject({
      code: 'NF_JOB_LOCAL_TENSORS',
      message: expect.stringMatching(message),
      place: { line: expect.any(Number) },
    });
  });
});
