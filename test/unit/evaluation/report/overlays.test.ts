import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOverlays } from '../../../../src/runtime/evaluation/report/overlays.ts';
import { writeTensorboard } from '../../../../src/runtime/evaluation/report/tensorboard/write-logs.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const PNG = Buffer.from('89504e470d0a1a0a00', 'hex');

it('a page shows pictures of the evaluation, and no other files of the machine', async () => {
  const folder = join(root, 'run/evaluation');
  await mkdir(join(folder, 'overlays'), { recursive: true });
  for (const path of [join(folder, 'overlays/a.png'), join(root, 'own.png')]) await writeFile(path, PNG);
  await writeFile(join(root, 'id_rsa'), 'a private key');
  await writeFile(join(folder, 'overlays/text.png'), 'a private key');
  await symlink(join(root, 'own.png'), join(folder, 'overlays/link.png'));
  const hostile = ['../../own.png', '../../id_rsa', 'overlays/../../../own.png', join(root, 'id_rsa')];
  const names = ['overlays/a.png', 'overlays/text.png', 'overlays/link.png', 'overlays/none.png', ...hostile];
  expect([...(await readOverlays(folder, names)).keys()]).toEqual(['overlays/a.png']);
});

it('logs of sites are written below their folder, whatever a site is called in a record', async () => {
  const place = { root: join(root, 'run'), below: 'tensorboard' };
  const round = { model: 0, metrics: {}, sites: { '../../elsewhere': { metrics: { loss: 1 } } } };
  await expect(writeTensorboard(place, [round], '2026-01-01T00:00:00Z')).rejects.toThrow(
    'is no name of one file',
  );
  expect(existsSync(join(root, 'elsewhere'))).toBe(false);
});

describe('in a folder of somebody else, nothing is written through its links', () => {
  const round = { model: 0, metrics: { loss: 1 }, sites: { 'site-1': { metrics: { loss: 1 } } } };

  it.each([
    ['logs', 'tensorboard', writeLogs],
    ['logs of a site', 'tensorboard/site-1', writeLogs],
  ])('no %s', async (_, linked, write) => {
    const folder = await mkdtemp(join(root, 'run-'));
    const outside = await mkdtemp(join(root, 'outside-'));
    await mkdir(dirname(join(folder, linked)), { recursive: true });
    await symlink(outside, join(folder, linked));
    await expect(write(folder)).rejects.toMatchObject({
      code: 'NF_PATH_LINK',
      place: { file: join(folder, linked) },
    });
    expect(await readdir(outside)).toEqual([]);
  });

  function writeLogs(folder: string) {
    return writeTensorboard({ root: folder, below: 'tensorboard' }, [round], '2026-01-01T00:00:00Z');
  }
});
