import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { answerPath, modelPath, statePath } from '../../../src/runtime/run/run-folder.ts';
import { createRunFolder, findRun, listRuns, markLatest } from '../../../src/runtime/run/run-index.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const NOON = new Date('2026-03-04T12:00:00.900Z');
let workspace = '';
let count = 0;

beforeEach(() => {
  workspace = join(root, String(count++));
});

describe('a run folder', () => {
  it('is named by the time in UTC', async () => {
    const { id, folder } = await createRunFolder(workspace, 'job', NOON);
    expect(id).toBe('20260304-120000');
    expect(folder.root).toBe(join(workspace, 'job', id));
    expect(folder.at('x/y')).toBe(join(folder.root, 'x/y'));
  });

  it('never takes the place of another of the same second', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => createRunFolder(workspace, 'job', NOON)));
    expect(new Set(ids.map(({ id }) => id))).toEqual(
      new Set(['20260304-120000', '20260304-120000-2', '20260304-120000-3']),
    );
  });

  it('has places that sort by round', () => {
    const TASK = { name: 'train', round: 3, site: 's' };
    expect([modelPath(12), answerPath(TASK, 'model', { form: 'subset:model' }), statePath(TASK)]).toEqual([
      'models/round-0012.safetensors',
      'sites/s/update-0003.safetensors',
      'sites/s/state-0003.bin',
    ]);
  });
});

describe('runs', () => {
  const make = async (ids: readonly string[]) => {
    for (const id of ids) await mkdir(join(workspace, 'job', id), { recursive: true });
  };

  it('are listed by age', async () => {
    await make(['20260304-120000-10', '20260304-120000-2', '20260304-120000', '20250101-000000']);
    expect(await listRuns(workspace, 'job')).toEqual([
      '20250101-000000',
      '20260304-120000',
      '20260304-120000-2',
      '20260304-120000-10',
    ]);
  });

  it('are folders named by a time, and nothing else', async () => {
    await make(['20260304-120000', 'notes']);
    await writeFile(join(workspace, 'job', '20260304-120001'), '');
    expect(await listRuns(workspace, 'job')).toEqual(['20260304-120000']);
  });

  it('of a job that never ran are none', async () => {
    expect(await listRuns(workspace, 'job')).toEqual([]);
  });

  it('are found by id, and as latest by the link', async () => {
    await make(['20260304-120000', '20260304-120001']);
    await markLatest(workspace, 'job', '20260304-120000');
    expect((await findRun(workspace, 'job')).id).toBe('20260304-120000');
    expect((await findRun(workspace, 'job', '20260304-120001')).id).toBe('20260304-120001');
  });

  it('are found as latest by age where the link is missing or broken', async () => {
    await make(['20260304-120000', '20260304-120001']);
    expect((await findRun(workspace, 'job')).id).toBe('20260304-120001');
    await symlink('20200101-000000', join(workspace, 'job', 'latest'));
    expect((await findRun(workspace, 'job')).id).toBe('20260304-120001');
  });

  it('move the link to the newest', async () => {
    await make(['20260304-120000', '20260304-120001']);
    await markLatest(workspace, 'job', '20260304-120000');
    await markLatest(workspace, 'job', '20260304-120001');
    expect(await readlink(join(workspace, 'job', 'latest'))).toBe('20260304-120001');
  });

  it.each(['20260304-12000', '../job/20260304-120000', ''])('unknown as %j are refused', async (id) => {
    await make(['20260304-120000']);
    await expect(findRun(workspace, 'job', id)).rejects.toMatchObject({ code: 'NF_RUN_NOT_FOUND' });
  });

  it('mistyped get a nearest match', async () => {
    await make(['20260304-120000']);
    await expect(findRun(workspace, 'job', '20260304-120001')).rejects.toThrow(
      "Did you mean '20260304-120000'?",
    );
  });
});
