import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkThread } from '../../../../../src/runtime/deployment/server/heavy-work/work-thread.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { readModel, writeModel } from '../../../../support/model-files.ts';
import { float32 } from '../../../../support/param-sets.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const folder = tempFolder();
let work: WorkThread;

beforeEach(() => {
  work = new WorkThread();
});

afterEach(() => work.close());

const good = () => writeModel(folder, 'good', { weights: float32([1, 2]) });

const AS_MODEL = { rule: { form: 'subset:model' }, name: 'model', task: 'train/1/site-1' } as const;

describe('the thread for heavy work', () => {
  it('aggregates, checks updates and models, and makes models', async () => {
    const model = await good();
    const update = await writeModel(folder, 'update', { weights: float32([3, 6]) });
    await work.run('checkModel', { path: model });
    await work.run('checkFile', { path: update, model, ...AS_MODEL });
    const target = join(folder, 'aggregate.safetensors');
    const contributions = [update, model].map((path, index) => {
      return { site: `site-${index}`, path, weight: 1, paramsType: 'FULL' } as const;
    });
    const files = { base: { model }, targets: { model: target } };
    await work.run('reduce', { reducer: 'weighted_mean', contributions, ...files });
    expect([...((await readModel(target)).weights?.data ?? [])]).toEqual([2, 4]);
    const { definition: job } = await loadJob(await writeJob(join(folder, 'job')));
    await work.run('makeModel', {
      job,
      folder: join(folder, 'job'),
      mostBytes: 1e6,
      target: join(folder, 'made.safetensors'),
    });
    expect(Object.keys(await readModel(join(folder, 'made.safetensors')))).toEqual(['weights']);
  });

  it("fails with the operation's own error, and goes on", async () => {
    const model = await good();
    const bad = await writeModel(folder, 'bad', { weights: float32([Number.NaN, 1]) });
    await expect(work.run('checkFile', { path: bad, model, ...AS_MODEL })).rejects.toMatchObject({
      code: 'NF_TENSORS_NOT_FINITE',
      exitCode: 1,
      message: expect.stringContaining('weights'),
    });
    await writeFile(join(folder, 'odd'), 'x');
    const odd = work.run('checkModel', { path: join(folder, 'odd') });
    await expect(odd).rejects.toMatchObject({
      code: 'NF_TENSORS_FILE',
      place: { file: join(folder, 'odd') },
    });
    const none = work.run('checkModel', { path: join(folder, 'none') });
    await expect(none).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
    await work.run('checkModel', { path: model });
  });

  it('answers each of many with its own outcome', async () => {
    const model = await good();
    const bad = await writeModel(folder, 'bad', { weights: float32([Number.NaN, 1]) });
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        work.run('checkModel', { path: index % 3 === 0 ? bad : model }),
      ),
    );
    expect(all.map(({ status }) => status)).toEqual(
      all.map((_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
    );
  });

  it('ends what is under way when it is closed, and can begin again', async () => {
    const model = await good();
    const under = work.run('checkModel', { path: model });
    under.catch(() => undefined);
    const closed = work.close();
    const next = work.run('checkModel', { path: model });
    await expect(under).rejects.toThrow('closed');
    await closed;
    await next;
    await work.close();
    await work.close();
  });
});
