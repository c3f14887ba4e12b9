import { link, mkdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../../src/runtime/job/bundle.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let folder = '';
let count = 0;

beforeEach(async () => {
  folder = await writeJob(join(root, `job-${count++}`));
});

const paths = async () => (await readBundle(folder)).files.map(({ path }) => path);
const digest = async () => (await readBundle(folder)).sha256;

describe('a bundle', () => {
  it('holds the job and its scripts, sorted', async () => {
    await writeFile(join(folder, 'client/a.ts'), '');
    await writeFile(join(folder, 'zones.json'), '{}');
    expect(await paths()).toEqual(['client/a.ts', 'client/train.ts', 'job.yaml', 'zones.json']);
  });

  it.each([
    'README.md',
    'docs/NOTES.md',
    'tsconfig.json',
    '.git/HEAD',
    '.neuroflare/x.json',
    'node_modules/x/index.js',
    '.DS_Store',
  ])('neither holds nor counts %s', async (path) => {
    const before = await digest();
    await writeJob(folder, { files: { [path]: 'changed' } });
    expect(await digest()).toBe(before);
  });

  it('has the same digest in another folder, at another time', async () => {
    const before = await digest();
    folder = await writeJob(join(root, `copy-${count}`));
    await utimes(join(folder, 'job.yaml'), 1, 1);
    expect(await digest()).toBe(before);
  });

  it.each([
    ['a changed byte', { 'client/train.ts': '// other' }],
    ['a new file', { 'client/more.ts': '' }],
    ['a changed job', { 'job.yaml': 'version: 1' }],
  ])('has another digest with %s', async (_, files) => {
    const before = await digest();
    await writeJob(folder, { files });
    expect(await digest()).not.toBe(before);
  });

  it('tells a moved file from the same file', async () => {
    await writeFile(join(folder, 'a.txt'), 'x');
    const before = await digest();
    const other = await writeJob(join(root, `moved-${count}`), { files: { 'b.txt': 'x' } });
    expect((await readBundle(other)).sha256).not.toBe(before);
  });

  it('laid out again is the same bundle', async () => {
    const bundle = await readBundle(folder);
    const copy = join(root, `laid-${count}`);
    await writeBundle(bundle, copy);
    expect((await readBundle(copy)).sha256).toBe(bundle.sha256);
    expect(await readFile(join(copy, 'client/train.ts'))).toEqual(
      await readFile(join(folder, 'client/train.ts')),
    );
  });

  it('is not laid out over files that are there', async () => {
    await expect(writeBundle(await readBundle(folder), folder)).rejects.toThrow('EEXIST');
  });

  it('may be read through a link to the folder', async () => {
    const alias = join(root, `alias-${count}`);
    await symlink(folder, alias);
    expect((await readBundle(alias)).sha256).toBe(await digest());
  });

  it('takes hard links for what they are: files', async () => {
    await link(join(folder, 'job.yaml'), join(folder, 'same.yaml'));
    expect(await paths()).toContain('same.yaml');
  });
});

describe('a folder that is more than a job', () => {
  const refused = (reason: string) =>
    expect(readBundle(folder)).rejects.toMatchObject({
      code: 'NF_JOB_BUNDLE',
      exitCode: 4,
      message: expect.stringContaining(reason),
    });

  it.each([
    ['out of the folder', '/etc/hostname'],
    ['within it', 'job.yaml'],
    ['to nothing', 'nowhere'],
    ['in a loop', '.'],
  ])('is refused: a link %s', async (_, target) => {
    await symlink(target, join(folder, 'odd'));
    await refused('odd is a symbolic link');
  });

  it('is refused with more than 500 files', async () => {
    await mkdir(join(folder, 'many'));
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => writeFile(join(folder, `many/${index}.txt`), '')),
    );
    await refused('it holds more than 500 files');
  });

  it.each([20_000_001, 5_000_000_000])(
    'is refused with a file of %d bytes, which is not read',
    async (size) => {
      await writeFile(join(folder, 'data.bin'), '');
      await truncate(join(folder, 'data.bin'), size);
      await refused(
        `it holds more than 20 MB; its largest file is data.bin with ${(size / 1e6).toFixed(1)} MB`,
      );
    },
  );
});
