import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { checkScript } from '../../../src/runtime/job/script.ts';
import { type JobParts, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function check(parts: JobParts) {
  const folder = await writeJob(join(root, String(count++)), parts);
  return checkScript(await loadJob(folder), await readBundle(folder));
}

const naming = (script: string): JobParts => ({ patch: { executor: { train_script: script } } });

describe('a training script', () => {
  it.each(['client/train.ts', './client/train.ts', 'client/../client/train.ts'])(
    'is found as %s',
    async (path) => {
      await check(naming(path));
    },
  );

  it('is given back without its types, for those who run it', async () => {
    const script = 'export const rate: number = 0.5;\n';
    expect((await check({ script })).get(script)).toBe('export const rate         = 0.5;\n');
  });

  it.each(['client/trian.ts', 'train.ts', 'client', '../train.ts', '/etc/passwd', ''])(
    'is refused where %j names none',
    async (path) => {
      await expect(check(naming(path))).rejects.toMatchObject({ exitCode: 4 });
    },
  );

  it('that is missing is named with its nearest match and the line that names it', async () => {
    await expect(check(naming('client/trian.ts'))).rejects.toMatchObject({
      code: 'NF_JOB_SCRIPT_MISSING',
      message: expect.stringContaining("Did you mean 'client/train.ts'?"),
      place: {
        key: 'executor.train_script',
        line: expect.any(Number),
        excerpt: expect.stringContaining('trian'),
      },
    });
  });

  it.each([
    ['an open brace', 'const a = 1;\nif (a) {\n', 2],
    ['an odd word', 'const a = 1;\nconst b = ;\n', 2],
    ['types that cannot be stripped', 'const a = 1;\n\nenum Colour { Red }\n', 3],
    ['a parameter property', 'class A {\n  constructor(private x: number) {}\n}\n', 2],
  ])('with %s is refused at its line', async (_, script, line) => {
    await expect(check({ script })).rejects.toMatchObject({
      code: 'NF_JOB_SCRIPT_SYNTAX',
      place: {
        file: expect.stringMatching(/client.train\.ts$/),
        line,
        excerpt: expect.stringContaining(`${line} | `),
      },
    });
  });

  it('is parsed with all that it may import', async () => {
    await expect(check({ files: { 'client/lib/more.mts': 'export const = 1' } })).rejects.toMatchObject({
      code: 'NF_JOB_SCRIPT_SYNTAX',
      place: { file: expect.stringContaining('more.mts'), line: 1 },
    });
  });

  it('in JavaScript is parsed too', async () => {
    const files = { 'client/plain.js': 'const a = 1;\nconst b = ;\n' };
    await expect(check({ ...naming('client/plain.js'), files })).rejects.toMatchObject({
      code: 'NF_JOB_SCRIPT_SYNTAX',
      place: { file: expect.stringContaining('plain.js'), line: 2 },
    });
  });

  it('may be JavaScript', async () => {
    await check({ ...naming('client/plain.js'), files: { 'client/plain.js': 'export {};' } });
  });

  it('may use types', async () => {
    await check({ script: 'interface A { x: number }\nexport const a = { x: 1 } satisfies A as A;\n' });
  });
});
