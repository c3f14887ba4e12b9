import { chmod, chown, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pocFolder, readCard, takePlace } from '../../../../src/runtime/deployment/poc/poc-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let temporary: string;
let count = 0;

beforeEach(async () => {
  temporary = join(root, String(count++));
  await mkdir(temporary);
  vi.stubEnv('TMPDIR', temporary);
  vi.stubEnv('NEUROFLARE_POC_WORKSPACE', '');
});
afterEach(() => void vi.unstubAllEnvs());

const foreign = (reason: string) =>
  expect.objectContaining({ code: 'NF_POC_FOREIGN', message: expect.stringContaining(reason) });

it.runIf(process.platform !== 'win32')(
  'a federation among the temporary files is not taken from where somebody else has put one',
  async () => {
    const above = join(temporary, 'neuroflare');
    await mkdir(join(root, `elsewhere-${count}`, 'poc'), { recursive: true });
    await symlink(join(root, `elsewhere-${count}`), above);
    await expect(readCard(pocFolder(undefined))).rejects.toThrow(foreign('it is a link'));
    await expect(takePlace(pocFolder(undefined))).rejects.toThrow(foreign('it is a link'));
  },
);

it.runIf(process.platform !== 'win32')('nor where all users may put something into it', async () => {
  const poc = join(temporary, 'neuroflare', 'poc');
  await mkdir(poc, { recursive: true });
  await chmod(poc, 0o777);
  await expect(readCard(pocFolder(undefined))).rejects.toThrow(foreign('all users'));
});

it.runIf(process.getuid?.() === 0)('nor where it belongs to another user', async () => {
  const above = join(temporary, 'neuroflare');
  await mkdir(above);
  await chown(above, 61_110, 61_110);
  await expect(takePlace(pocFolder(undefined))).rejects.toThrow(foreign('another user'));
});

it('is made there for this user alone, and a folder that was chosen is not looked at', async () => {
  const folder = pocFolder(undefined);
  await takePlace(folder);
  await takePlace(folder);
  await expect(readCard(folder)).rejects.toMatchObject({ code: 'NF_POC_NONE' });
  const chosen = join(temporary, 'mine');
  await mkdir(chosen);
  await chmod(chosen, 0o777);
  await expect(readCard(pocFolder(chosen))).rejects.toMatchObject({ code: 'NF_POC_NONE' });
});
