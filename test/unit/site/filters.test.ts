import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256File } from '../../../src/runtime/base/digest.ts';
import { siteSecret } from '../../../src/runtime/deployment/client/site-secret.ts';
import type { Answer } from '../../../src/runtime/site/answer.ts';
import { applyFilters } from '../../../src/runtime/site/filters/apply-filters.ts';
import type { FilterContext } from '../../../src/runtime/site/filters/filter.ts';
import { NO_BUDGET, secretsOf } from '../../../src/runtime/site/filters/means.ts';
import { RESULT_FILTERS } from '../../../src/runtime/site/filters/registry.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { taskOf } from '../../support/site-tasks.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let folder: string;
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

async function answer(): Promise<Answer> {
  const path = await writeModel(folder, 'update', { a: float32([3, 4]), b: float32([12]) });
  const model = { path, sha256: await sha256File(path), size: (await stat(path)).size };
  const said = {
    paramsType: 'DIFF',
    numExamples: 1,
    metrics: {},
    statistics: { means: {}, totals: {} },
    seconds: 1,
  } as const;
  return { ...said, files: { model }, state: undefined, engine: undefined };
}

const at = async (over: object = {}) => ({
  task: taskOf({ round: 2 }),
  model: await writeModel(folder, 'model', { a: float32([0, 0]), b: float32([0]) }),
  site: 'site-1',
  secrets: secretsOf(async () => new Uint8Array(32)),
  budget: NO_BUDGET,
  ...over,
});
const OUT = (name: string) => ({ name: 'exclude_vars', exclude_vars: name }) as const;
const CLIP = { name: 'norm_clip', max_norm: 1 } as const;

describe('a chain of filters', () => {
  it("is applied in order, the job's first", async () => {
    const { files } = await applyFilters(await answer(), { job: [OUT('b')], site: [CLIP] }, await at());
    const params = await readModel(files.model?.path ?? '');
    expect(params).toEqual({ a: float32([0.6, 0.8]) });
    const other = await applyFilters(await answer(), { job: [CLIP], site: [OUT('b')] }, await at());
    expect((await readModel(other.files.model?.path ?? '')).a).toEqual(float32([3 / 13, 4 / 13]));
  });

  it('gives others a turn while names are held against the patterns of a job', async () => {
    const many = Object.fromEntries(Array.from({ length: 640 }, (_, index) => [`w${index}`, float32([1])]));
    const path = await writeModel(folder, 'large', many);
    const model = { path, sha256: await sha256File(path), size: (await stat(path)).size };
    const large = { ...(await answer()), files: { model } };
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await applyFilters(large, { job: [OUT('w1*')], site: [] }, await at());
    isOver = true;
    expect(turns).toBeGreaterThan(640 / 16);
  });

  it('leaves one file, also where it fails', async () => {
    const chain = { job: [OUT('b'), CLIP], site: [OUT('a')] };
    await expect(applyFilters(await answer(), chain, await at())).rejects.toMatchObject({
      code: 'NF_FILTER_FAILED',
      message: expect.stringMatching(/exclude_vars of the site .*site-1.*no array is left/),
    });
    expect(await readdir(folder)).toEqual(['model.safetensors', 'update.safetensors']);
    await applyFilters(await answer(), { ...chain, site: [CLIP] }, await at());
    expect(await readdir(folder)).toEqual(['model.safetensors', 'update.safetensors']);
  });

  it('has nothing to do with an answer without a model', async () => {
    const scored = { ...(await answer()), files: {} };
    expect(await applyFilters(scored, { job: [OUT('*'), CLIP], site: [OUT('*')] }, await at())).toEqual(
      scored,
    );
  });

  it("takes a site's own patterns for models of other jobs, too", async () => {
    const before = await answer();
    expect(await applyFilters(before, { job: [], site: [OUT('conv*')] }, await at())).toEqual(before);
    await expect(applyFilters(before, { job: [OUT('conv*')], site: [] }, await at())).rejects.toMatchObject({
      code: 'NF_FILTER_FAILED',
    });
  });

  it('fails by name where the update cannot be read', async () => {
    const broken = await answer();
    await writeFile(broken.files.model?.path ?? '', 'no tensors');
    await expect(applyFilters(broken, { job: [CLIP], site: [] }, await at())).rejects.toMatchObject({
      code: 'NF_FILTER_FAILED',
      message: expect.stringMatching(/norm_clip of the job .*site-1/),
      place: { site: 'site-1', round: 2 },
    });
  });

  it('tells a full disk as what it is', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC', path: '/disk/update' });
    const spy = vi.spyOn(RESULT_FILTERS.norm_clip, 'apply').mockRejectedValue(full);
    const refused = applyFilters(await answer(), { job: [CLIP], site: [] }, await at());
    await expect(refused).rejects.toMatchObject({ code: 'NF_DISK_FULL' });
    spy.mockRestore();
  });

  it("gives a filter the site's own: keys that repeat, and a budget that may refuse", async () => {
    const seen: FilterContext[] = [];
    const spy = vi.spyOn(RESULT_FILTERS.norm_clip, 'apply').mockImplementation(async (given, _, context) => {
      seen.push(context);
      await context.budget.charge({ task: context.task.id, what: 'noise', amount: 1 });
      return given;
    });
    try {
      const before = await answer();
      const refused = applyFilters(before, { job: [], site: [CLIP] }, await at());
      await expect(refused).rejects.toMatchObject({
        code: 'NF_FILTER_FAILED',
        message: expect.stringContaining('no budget for noise'),
      });
      const charged: unknown[] = [];
      const budget = { charge: async (cost: unknown) => void charged.push(cost) };
      expect(await applyFilters(before, { job: [], site: [CLIP] }, await at({ budget }))).toEqual(before);
      expect(charged).toEqual([{ task: 'train/2/site-1', what: 'noise', amount: 1 }]);
      expect(seen.map(({ owner, task }) => [owner, task.round])).toEqual([
        ['site', 2],
        ['site', 2],
      ]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe("a site's secret", () => {
  it('is made once, for the client alone, and the same from then on', async () => {
    const path = join(folder, 'filter.secret');
    const first = await siteSecret(path);
    expect([first.length, new Set(first).size > 8]).toEqual([32, true]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await siteSecret(path)).toEqual(first);
  });

  it('gives other keys for other purposes, and the same for one', async () => {
    const path = join(folder, 'filter.secret');
    const [one, two] = [secretsOf(() => siteSecret(path)), secretsOf(() => siteSecret(path))];
    const [noise, again, mask] = [await one.key('noise'), await two.key('noise'), await one.key('mask')];
    expect(again).toEqual(noise);
    expect(mask).not.toEqual(noise);
    expect(noise).not.toEqual(new Uint8Array(await siteSecret(path)));
  });

  it('is refused where its file is damaged: another one would draw something else', async () => {
    const path = join(folder, 'filter.secret');
    await writeFile(path, 'short');
    const secrets = secretsOf(() => siteSecret(path));
    await expect(secrets.key('noise')).rejects.toMatchObject({
      code: 'NF_WORK_FILE',
      message: expect.stringContaining('5 bytes'),
    });
    await writeFile(path, new Uint8Array(32));
    expect(await secrets.key('noise')).toHaveLength(32);
  });
});
