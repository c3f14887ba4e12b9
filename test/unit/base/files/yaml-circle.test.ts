import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../../src/runtime/base/files/yaml-source.ts';
import { loadJob } from '../../../../src/runtime/job/load.ts';
import { parseOverride } from '../../../../src/runtime/job/variables.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const read = (text: string) => parseYaml(text, { path: 'x.yml', code: 'NF_JOB_YAML' });

it.each(['? [a, b]\n: 1', 'x: { ? { a: 1 } : 2 }', 'x: &a [1]\n? *a\n: 2'])(
  'a list or map as a key is refused: %s',
  (text) => {
    expect(() => read(text)).toThrow('a list or map is no name of a key');
  },
);

describe('a value that holds itself', () => {
  it.each([
    ['sites', 'sites: &s { site-1: { args: { k: *s } } }', '{ k: ', 's'],
    ['data', 'data: &d [ *d ]', '[ ', 'd'],
    ['executor', 'executor:\n  args: &a\n    b:\n      - c: *a', '- c: ', 'a'],
  ])('in %s of a job is refused where it stands', async (_, text, before, name) => {
    const folder = await writeJob(join(root, String(count++)));
    const file = join(folder, 'job.yaml');
    await writeFile(file, `version: 1\n${text}\n`);
    const lines = `version: 1\n${text}`.split('\n');
    const line = lines.findIndex((one) => one.includes(`*${name}`)) + 1;
    const column = (lines[line - 1] ?? '').indexOf(before) + before.length + 1;
    await expect(loadJob(folder)).rejects.toMatchObject({
      code: 'NF_JOB_YAML',
      message: expect.stringContaining(`'*${name}'`),
      place: { file, line, column },
    });
  });

  it.each(['&a [*a]', '&a { b: [1, { c: *a }] }', 'x: &a\n  y: &b { z: *b }', '? &a [*a]\n: 1'])(
    'is refused however it is written: %s',
    (text) => {
      expect(() => read(text)).toThrow('nothing can hold itself');
      expect(() => parseOverride(`args=${text}`)).toThrow(expect.objectContaining({ code: 'NF_JOB_SET' }));
    },
  );

  it.each([
    ['a: &a { b: 1 }\nc: *a', { a: { b: 1 }, c: { b: 1 } }],
    // The name is given anew, to what is whole.
    ['a: &a { b: &a 1, c: *a }', { a: { b: 1, c: 1 } }],
    ['- &a x\n- &b [*a, *a]\n- [*b, *a]', ['x', ['x', 'x'], [['x', 'x'], 'x']]],
  ])('is none of these: %s', (text, value) => {
    expect(read(text).value).toEqual(value);
    expect(parseOverride(`args=${text}`).value).toEqual(value);
  });
});
