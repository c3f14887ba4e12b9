import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelForm } from '../../../src/runtime/federation/model-form.ts';
import { prepareJob } from '../../../src/runtime/federation/prepare-job.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { localNames, sharedNames } from '../../../src/runtime/job/local-tensors.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const NAMES = ['bn/gamma', 'bn/beta', 'kernel'];
const job = (workflow: object, more: object = {}) =>
  writeJob(join(root, String(count++)), {
    patch: {
      workflow,
      model: { initial_params: Object.fromEntries(NAMES.map((name) => [name, { data: [1] }])) },
      ...more,
    },
  });

describe('arrays that stay at each site', () => {
  it.each([
    { local_tensors: undefined, local: '' },
    { local_tensors: ['*/gamma'], local: 'bn/gamma' },
    { local_tensors: ['bn/beta', 'bn*'], local: 'bn/gamma bn/beta' },
  ])('are those whose names are like one of $local_tensors', async ({ local_tensors, local }) => {
    const { workflow } = (await loadJob(await job({ type: 'fedopt', local_tensors }))).definition;
    expect(localNames(workflow, NAMES)).toEqual(NAMES.filter((name) => local.includes(name)));
    expect(sharedNames(workflow, NAMES)).toEqual(NAMES.filter((name) => !local.includes(name)));
  });

  it.each([
    {
      when: 'one of several names is none of the model',
      local_tensors: ['bn*', 'dense*'],
      refused: { code: 'NF_JOB_LOCAL_TENSORS', message: /dense\*/ },
    },
    {
      when: 'all of them stay',
      local_tensors: ['bn*', 'k*'],
      refused: { code: 'NF_JOB_LOCAL_TENSORS', message: /no array is left/ },
    },
    {
      when: 'filters leave out the rest',
      local_tensors: ['bn*'],
      filter: 'kernel',
      refused: { code: 'NF_JOB_FILTER', message: /no array is left/ },
    },
    {
      when: 'a filter is about those that stay',
      local_tensors: ['bn*'],
      filter: 'bn/*',
      refused: { code: 'NF_JOB_FILTER', message: /no array has a name like bn/ },
    },
  ])('are refused at their line where $when, before work starts and at a server', async (given) => {
    const { local_tensors, filter, refused } = given;
    const filters = filter === undefined ? [] : [{ name: 'exclude_vars', exclude_vars: filter }];
    const path = await job({ local_tensors }, { task_result_filters: filters });
    const expected = { ...refused, message: expect.stringMatching(refused.message) };
    const place = { file: expect.stringMatching(/job\.yaml$/), line: expect.any(Number) };
    await expect(prepareJob(path)).rejects.toMatchObject({ ...expected, place });
    const { definition } = await loadJob(path);
    await expect(modelForm(definition, { rules: LOCAL_FILES })).rejects.toMatchObject(expected);
  });

  it.each(['cyclic', 'fedbuff', 'scaffold'])('are no option of %s', async (type) => {
    await expect(loadJob(await job({ type, local_tensors: ['bn*'] }))).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
      message: expect.stringMatching(new RegExp(`local_tensors[^]*is no option of ${type}`)),
    });
  });
});
