import { chown, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { openPartial } from '../../../../src/preprocess/bids/partial-tree.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const isRoot = process.getuid?.() === 0;

it('a working folder that is a link is not written through', async () => {
  const elsewhere = join(root, 'elsewhere');
  await mkdir(elsewhere);
  await symlink(elsewhere, join(root, 'linked.partial'));
  await expect(openPartial(join(root, 'linked'), 'key', z.null())).rejects.toMatchObject({
    code: 'NF_PATH_EXISTS',
  });
  expect(await readdir(elsewhere)).toEqual([]);
});

it.runIf(isRoot)('a working folder of another user is not written to', async () => {
  const folder = join(root, 'theirs.partial');
  await mkdir(folder);
  await chown(folder, 65_534, 65_534);
  await expect(openPartial(join(root, 'theirs'), 'key', z.null())).rejects.toMatchObject({
    code: 'NF_PATH_EXISTS',
  });
  expect(await readdir(folder)).toEqual([]);
});
