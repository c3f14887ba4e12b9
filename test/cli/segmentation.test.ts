import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LesionSubject, writeLesionTree } from '../support/lesion-tree.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

/** Heads of 12 x 12 x 12 voxels, every third without a lesion. */
function people(): LesionSubject[] {
  return Array.from({ length: 18 }, (_, at) => ({
    id: `sub-${String(at + 1).padStart(2, '0')}`,
    partition: 'train',
    ...(at % 3 < 2 && { lesion: { at: [4 + (at % 4), 7 - (at % 3), 5] as const, radius: 3 } }),
  }));
}

beforeAll(async () => {
  await writeLesionTree(join(cwd, 'bids'), people(), { shape: [12, 12, 12] });
  for (const line of [
    'preprocess split bids --sites 2 --validation 0.3 --test 0 --out split.json',
    'job create job --template mri-segmentation --set data=bids --set split=split.json --set model.patch_size=8 --set model.levels=2 --set num_rounds=3 --set local_epochs=1',
  ])
    expect(await runCli(line.split(' '), { cwd })).toMatchObject({ code: 0 });
});

describe('a federation that labels voxels', () => {
  it('comes to the same bytes with any number of threads', async () => {
    const runs = await Promise.all(
      ['1', '2'].map(async (threads) => {
        const { answer } = await runJson(
          [
            'simulate',
            'job',
            '-q',
            '--threads',
            threads,
            '--workspace',
            `work-${threads}`,
            '--engine',
            'ort',
          ],
          { cwd },
        );
        expect(answer).toMatchObject({ status: 'ok', exit_code: 0 });
        return String((answer as { data: { run_folder: string } }).data.run_folder);
      }),
    );
    const [one, other] = await Promise.all(runs.map((run) => readFile(join(cwd, run, 'model.safetensors'))));
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('before work starts', () => {
  const refused = async (line: string, ...more: string[]) => {
    const { answer } = await runJson([...line.split(' '), ...more], { cwd });
    return answer;
  };

  it.each([
    ['simulate job --set model.labels=[core]', 'NF_MODEL_LABELS'],
    ['simulate job --set data.task=classification', 'NF_JOB_INVALID'],
    ['simulate job --set model.patch_size=9', 'NF_MODEL_INVALID'],
    ['simulate job --set model.channels=2', 'NF_MODEL_CHANNELS'],
    ['simulate job --set data.masks.derivative=others', 'NF_MASK_MISSING'],
    ['simulate job --set data.masks.desc=tumour', 'NF_MASK_MISSING'],
    ['simulate job --baselines local', 'NF_BASELINES_SPLIT'],
  ])('%s is refused as %s', async (line, error_code) => {
    expect(await refused(line)).toMatchObject({ status: 'error', exit_code: 4, error_code });
  });

  it('a patch that is larger than a volume, and a value that is no label, are named with the file', async () => {
    expect(await refused('simulate job -q --set model.patch_size=16')).toMatchObject({
      error_code: 'NF_DATA_PATCH',
      message: expect.stringContaining('12 x 12 x 12'),
    });
    expect(await refused('simulate job -q --set', 'data.masks.labels={lesion: 2}')).toMatchObject({
      error_code: 'NF_MASK_LABEL',
      message: expect.stringContaining('_desc-lesion_mask.nii'),
    });
  });

  it('a mask that is missing is named with its subject', async () => {
    const { sites } = JSON.parse(await readFile(join(cwd, 'split.json'), 'utf8')) as {
      sites: { validation: string[] }[];
    };
    const id = sites[1]?.validation[0] ?? '';
    await rm(join(cwd, `bids/derivatives/lesions/${id}`), { recursive: true });
    expect(await refused('simulate job -q')).toMatchObject({
      error_code: 'NF_MASK_MISSING',
      message: expect.stringContaining(id),
    });
  });
});
