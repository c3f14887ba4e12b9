import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkModelSpec } from '../../../src/runtime/federation/prepare-job.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { type JobPatch, TINY_JOB, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** What is said of a job before work starts. */
async function checked(workflow: object, patch: JobPatch): Promise<unknown> {
  const folder = await writeJob(join(root, `job-${count++}`), { patch: { ...patch, workflow } });
  const file = join(folder, 'job.yaml');
  const { model = TINY_JOB.model } = patch;
  await writeFile(file, stringify({ ...parse(await readFile(file, 'utf8')), model }));
  checkModelSpec(await loadJob(folder), LOCAL_FILES);
  return undefined;
}

const EVALUATION = { type: 'evaluation', num_rounds: 1 };
const FINAL = { final_evaluation: true };
const NETWORK = { type: 'mri-cnn', image_size: 32, classes: ['a', 'b'] };

describe('a job whose model sites are to judge', () => {
  it.each([
    ['names no data', FINAL, { model: NETWORK }, /names no data/],
    ['leaves its network to the script', FINAL, { data: { root: './bids' } }, /known to the script alone/],
    [
      'does not name its classes',
      FINAL,
      { data: { root: './bids' }, model: { type: 'mri-cnn', image_size: 32, num_classes: 2 } },
      /does not name its classes/,
    ],
    [
      'has no trained model',
      EVALUATION,
      { data: { root: './bids' }, model: NETWORK },
      /names no trained model/,
    ],
  ])('is refused where it %s', async (_, workflow, patch, message) => {
    await expect(checked(workflow, patch)).rejects.toMatchObject({
      code: 'NF_JOB_EVALUATION',
      message: expect.stringMatching(message),
      place: { file: expect.stringContaining('job.yaml'), line: expect.any(Number) },
    });
  });

  it('asks once, and is taken with data, network and model', async () => {
    const patch = { data: { root: './bids' }, model: { ...NETWORK, import: './model.safetensors' } };
    await expect(checked({ type: 'evaluation', num_rounds: 2 }, patch)).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
      message: expect.stringContaining('must be 1'),
    });
    await expect(checked(EVALUATION, patch)).resolves.toBeUndefined();
    await expect(checked(FINAL, { ...patch, model: NETWORK })).resolves.toBeUndefined();
  });
});
