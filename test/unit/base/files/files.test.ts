import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import {
  copyFileAtomic,
  makeFolder,
  removeTemporaries,
  writeAtomic,
  writeFileAtomic,
  writeFileHashed,
} from '../../../../src/runtime/base/files/files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let folder = '';
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

describe('a file written atomically', () => {
  it('makes its folder and holds its content', async () => {
    await writeFileAtomic(join(folder, 'a/b/c.txt'), 'text');
    expect(await readFile(join(folder, 'a/b/c.txt'), 'utf8')).toBe('text');
  });

  it('takes the place of an older one', async () => {
    await writeFile(join(folder, 'x'), 'older and longer');
    await writeFileAtomic(join(folder, 'x'), Uint8Array.of(110));
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('n');
  });

  it('leaves nothing but itself', async () => {
    await writeFileAtomic(join(folder, 'x'), '');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('leaves the old file, and no temporary one, when writing fails', async () => {
    await writeFile(join(folder, 'x'), 'old');
    const failing = writeAtomic(join(folder, 'x'), async (file) => {
      await file.writeFile('half');
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    expect(await readdir(folder)).toEqual(['x']);
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old');
  });

  it('leaves no temporary file when its name is taken by a folder', async () => {
    await mkdir(join(folder, 'x/full'), { recursive: true });
    await expect(writeFileAtomic(join(folder, 'x'), 'text')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('may be written by many at once: one of them wins whole', async () => {
    const texts = Array.from({ length: 10 }, (_, index) => String(index).repeat(1000));
    await Promise.all(texts.map((text) => writeFileAtomic(join(folder, 'x'), text)));
    expect(texts).toContain(await readFile(join(folder, 'x'), 'utf8'));
    expect(await readdir(folder)).toEqual(['x']);
  });
});

describe('a file copied atomically', () => {
  it('holds the same bytes, also many of them', async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index);
    await writeFile(join(folder, 'from'), bytes);
    await copyFileAtomic(join(folder, 'from'), join(folder, 'to'));
    expect(Uint8Array.from(await readFile(join(folder, 'to')))).toEqual(bytes);
  });

  it('leaves the old file when there is nothing to copy', async () => {
    await writeFile(join(folder, 'to'), 'old');
    await expect(copyFileAtomic(join(folder, 'from'), join(folder, 'to'))).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual(['to']);
    expect(await readFile(join(folder, 'to'), 'utf8')).toBe('old');
  });
});

describe('what a writer left that was cut short', () => {
  it('is removed at any depth, and nothing else', async () => {
    const paths = [
      'a/b/x.bin.123-0123abcd.tmp',
      'y.123-0123abcd.tmp',
      'a/notes.tmp',
      'z.bin',
      'kept/x.1-0123abcd.tmp',
    ];
    for (const path of paths) await writeFileAtomic(join(folder, path), '');
    await removeTemporaries(folder, ['kept']);
    const left = (await readdir(folder, { recursive: true })).sort();
    expect(left).toEqual(['a', 'a/b', 'a/notes.tmp', 'kept', 'kept/x.1-0123abcd.tmp', 'z.bin']);
  });
});

describe('a folder that is made', () => {
  it('comes with its parents; the first of them is told', async () => {
    expect(await makeFolder(join(folder, 'a/b/c'))).toBe(join(folder, 'a'));
    expect(await makeFolder(join(folder, 'a/b/d'))).toBe(join(folder, 'a/b/d'));
    expect(await makeFolder(join(folder, 'a/b/d'))).toBeUndefined();
    expect((await readdir(join(folder, 'a/b'))).sort()).toEqual(['c', 'd']);
  });

  it('may be asked for by many at once', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => makeFolder(join(folder, `x/y/${index % 3}`))));
    expect((await readdir(join(folder, 'x/y'))).sort()).toEqual(['0', '1', '2']);
  });

  it('is refused where a file is in the way', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(folder, 'file/a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.runIf(process.platform === 'linux')('is refused where none can be, at once', async () => {
    await expect(makeFolder('/proc/neuroflare/a/b')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('a file is written and hashed in one go, whatever its size', async () => {
  for (const size of [0, 1, 4 * 1024 * 1024, 9_000_001]) {
    const bytes = new Uint8Array(size).fill(size % 251);
    expect(await writeFileHashed(join(folder, 'hashed'), bytes)).toBe(sha256(bytes));
    expect((await readFile(join(folder, 'hashed'))).equals(bytes)).toBe(true);
  }
});
