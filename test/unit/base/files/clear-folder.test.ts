import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { clearFolder } from '../../../../src/runtime/base/files/clear-folder.ts';
import { asNobody, NOBODY } from '../../../support/as-nobody.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let place = '';
let count = 0;

beforeEach(async () => {
  // Of the one who clears it, whoever runs the tests.
  await chmod(root, 0o755);
  place = join(root, String(count++));
  await mkdir(place);
  if (process.geteuid?.() === 0) await chown(place, NOBODY, NOBODY);
});

/** Folders in one another, whose names are long; returns the path of the last one. */
async function chain(top: string): Promise<string> {
  let path = top;
  await mkdir(path);
  while (path.length < 3500) {
    path = join(path, 'n'.repeat(250));
    await mkdir(path);
  }
  await writeFile(join(path, 'file'), '');
  return path;
}

const CLOSED: Record<string, (folder: string) => Promise<void>> = {
  'cannot be written': async (folder) => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(join(folder, 'a/b/file'), '');
    for (const path of ['a/b', 'a', '']) await chmod(join(folder, path), 0o555);
  },
  'can be neither read nor entered': async (folder) => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(join(folder, 'a/b/file'), '');
    for (const path of ['a/b', 'a', '']) await chmod(join(folder, path), 0);
  },
  'lie deeper than a path can say': async (folder) => {
    await mkdir(folder);
    const end = await chain(join(folder, 'a'));
    await chain(join(folder, 'b'));
    await rename(join(folder, 'b'), join(end, 'b'));
  },
  'lie too deep, closed on the way': async (folder) => {
    await mkdir(folder);
    const end = await chain(join(folder, 'a'));
    const other = await chain(join(folder, 'b'));
    await chmod(other, 0o555);
    await rename(join(folder, 'b'), join(end, 'b'));
    await chmod(end, 0o555);
    await chmod(join(folder, 'a'), 0);
  },
  'have names that are no text': async (folder) => {
    await mkdir(join(folder, 'a'), { recursive: true });
    await writeFile(Buffer.concat([Buffer.from(join(folder, 'a/')), Buffer.from([0xff, 0xfe])]), '');
    await chmod(join(folder, 'a'), 0o555);
  },
};

describe('a folder into which others wrote', () => {
  it.each(Object.keys(CLOSED))('is cleared away with folders that %s', async (what) => {
    const folder = join(place, 'folder');
    await asNobody(async () => {
      await CLOSED[what]?.(folder);
      await clearFolder(folder);
    });
    expect(await readdir(place)).toEqual([]);
  });

  it('is left with what its links lead to', async () => {
    const folder = join(place, 'folder');
    const other = join(place, 'other');
    await asNobody(async () => {
      await mkdir(other);
      await writeFile(join(other, 'file'), '');
      await mkdir(join(folder, 'a'), { recursive: true });
      await symlink(other, join(folder, 'a/link'));
      await symlink(other, join(folder, 'link'));
      await chmod(join(folder, 'a'), 0o555);
      await clearFolder(folder);
    });
    expect(await readdir(place)).toEqual(['other']);
    expect(existsSync(join(other, 'file'))).toBe(true);
  });

  it('may be a file, or not there', async () => {
    await writeFile(join(place, 'file'), '');
    for (const name of ['file', 'nothing']) await clearFolder(join(place, name));
    expect(await readdir(place)).toEqual([]);
  });
});
