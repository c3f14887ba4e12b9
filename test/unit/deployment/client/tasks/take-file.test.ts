import { mkdir, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { TASK_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import {
  clearOldStates,
  clearUnfinished,
  statesIn,
} from '../../../../../src/runtime/deployment/client/memory/clear-job.ts';
import {
  clientFolder,
  type SiteJobFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { keepState, takeState } from '../../../../../src/runtime/deployment/client/tasks/take-file.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let folder: SiteJobFolder;
let from = '';
let count = 0;

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++))).job('job');
  for (const path of [folder.work, folder.states]) await mkdir(path, { recursive: true });
  from = join(folder.work, 'state.bin');
  await writeFile(from, 'kept');
});

const idle = () => new AbortController().signal;
/** Returns its digest. */
async function keep(): Promise<string> {
  const taken = await takeState(from, folder, idle());
  await keepState(taken.path, folder, taken.sha256);
  return taken.sha256;
}

describe('what a script keeps', () => {
  it('is taken by its digest', async () => {
    const sha256 = await keep();
    expect(await readdir(folder.states)).toEqual([sha256]);
    expect(await readdir(folder.work)).toEqual([]);
  });

  it('is refused before it is copied when it is larger than may be, though it takes no room', async () => {
    const { most } = TASK_LIMITS.state_bytes;
    await truncate(from, most + 1);
    await expect(takeState(from, folder, idle())).rejects.toMatchObject({
      code: 'NF_RESULT_INVALID',
      message: expect.stringContaining(String(most)),
    });
    expect(await readdir(folder.states)).toEqual([]);
    expect(await readdir(folder.work)).toEqual([]);
  });

  it('is copied no further when its task is stopped, and leaves nothing', async () => {
    await truncate(from, TASK_LIMITS.state_bytes.most);
    await expect(takeState(from, folder, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(folder.states)).toEqual([]);
  });

  it('does not count while it was not whole, and goes when a client starts', async () => {
    const sha256 = await keep();
    await writeFile(join(folder.states, 'copied.12-0123abcd.tmp'), 'half');
    await mkdir(join(folder.states, 'moved'));
    expect(await statesIn(folder)).toEqual([sha256]);
    await clearUnfinished(folder);
    expect(await readdir(folder.states)).toEqual([sha256]);
  });

  it('of earlier tasks goes but for the one before', async () => {
    const names: string[] = [];
    for (let round = 1; round <= 5; round++) {
      await writeFile(from, `round ${round}`);
      const name = await keep();
      await utimes(folder.state(name), round, round);
      names.push(name);
    }
    // The task begins with what was kept in round 4; the answer of round 5 was not heard.
    await clearOldStates(folder, names[3] ?? '');
    expect((await statesIn(folder)).sort()).toEqual(names.slice(2).sort());
    await clearOldStates(folder, '0'.repeat(64));
    expect((await statesIn(folder)).sort()).toEqual(names.slice(2).sort());
  });
});
