import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../../src/runtime/base/files/yaml-source.ts';
import { loadJob } from '../../../../src/runtime/job/load.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** Where a name stands that JavaScript takes for something else: its map would be without it, and nothing said. */
const JOBS: readonly (readonly [string, object])[] = [
  ['model.initial_params', { model: { initial_params: JSON.parse('{"__proto__":{"data":[1,2]}}') } }],
  ['executor.args', { executor: { args: JSON.parse('{"__proto__":{"step":2}}') } }],
  ['sites', { sites: JSON.parse('{"__proto__":{}}') }],
];

describe('a name that would be lost', () => {
  it.each(JOBS)('in %s of a job is refused with its line', async (_, patch) => {
    const folder = await writeJob(join(root, String(count++)));
    const file = join(folder, 'job.yaml');
    await writeFile(file, JSON.stringify({ version: 1, ...patch }, null, 1));
    await expect(loadJob(folder)).rejects.toMatchObject({
      code: 'NF_JOB_YAML',
      message: expect.stringContaining("'__proto__'"),
      place: { file, line: expect.any(Number), excerpt: expect.stringContaining('__proto__') },
    });
  });

  it.each([
    'a: { __proto__: 1 }',
    '"__proto__": 1',
    '- &name __proto__\n- { *name : 1 }',
    '? __proto__\n: 1',
  ])('is refused however it is written: %s', (text) => {
    expect(() => parseYaml(text, { path: 'x.yml', code: 'NF_JOB_YAML' })).toThrow("'__proto__' is no name");
  });

  it.each(['constructor: 1', 'a: __proto__', 'a: { proto: 1, toString: 2 }'])(
    'is none of these: %s',
    (text) => {
      expect(parseYaml(text, { path: 'x.yml', code: 'NF_JOB_YAML' }).value).toBeTruthy();
    },
  );
});
