import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { isLocked, lockFolder } from '../../../../src/runtime/base/files/lock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();
let path = '';
let count = 0;

beforeEach(() => {
  path = join(folder, `${count++}.lock`);
});

/** The number of a process that has ended. */
function endedProcess(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', '0']);
    child.on('exit', () => resolve(child.pid ?? 0));
  });
}

describe('a lock', () => {
  it('names its process and is gone once released', async () => {
    const release = await lockFolder(path, 'run-1');
    expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid}( |$)`));
    await release();
    expect(existsSync(path)).toBe(false);
  });

  it('may be taken again after its release', async () => {
    await (await lockFolder(path, 'run-1'))();
    await (await lockFolder(path, 'run-1'))();
  });

  it('that is held refuses a second holder and names the first', async () => {
    const release = await lockFolder(path, 'run-1');
    await expect(lockFolder(path, 'run-1')).rejects.toMatchObject({
      code: 'NF_PATH_BUSY',
      message: expect.stringContaining(`run-1 is in use by process ${process.pid}`),
    });
    await release();
  });

  it('is waited for a moment: its holder may be about to end', async () => {
    const release = await lockFolder(path, 'run-1');
    const second = lockFolder(path, 'run-1');
    await release();
    await (await second)();
  });

  it('of a process that is gone is taken over', async () => {
    await writeFile(path, `${await endedProcess()} 12345`);
    await (await lockFolder(path, 'run-1'))();
  });

  it.skipIf(process.platform !== 'linux')(
    'of a process number that is used again is taken over',
    async () => {
      await writeFile(path, `${process.pid} 1`);
      await (await lockFolder(path, 'run-1'))();
    },
  );

  it.each(['', 'rubbish', '0', '-1 5'])('that names no process is taken over: %j', async (text) => {
    await writeFile(path, text);
    await (await lockFolder(path, 'run-1'))();
  });

  it('of another machine that shares the folder is held while it is touched, and then taken over', async () => {
    await writeFile(path, '1 12345 boot @another-machine');
    await expect(lockFolder(path, 'run-1')).rejects.toMatchObject({
      code: 'NF_PATH_BUSY',
      message: expect.stringContaining('process 1 on another-machine'),
    });
    expect(await isLocked(path)).toBe(true);
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, longAgo, longAgo);
    expect(await isLocked(path)).toBe(false);
    await (await lockFolder(path, 'run-1'))();
  });

  it('that was taken over is not released by who held it before', async () => {
    const release = await lockFolder(path, 'run-1');
    await writeFile(path, '1 12345 boot @another-machine');
    await release();
    expect(existsSync(path)).toBe(true);
  });

  it('is never held by two of many that ask at once', async () => {
    await writeFile(path, `${await endedProcess()} 12345`);
    let holders = 0;
    let most = 0;
    const take = async () => {
      const release = await lockFolder(path, 'run-1');
      most = Math.max(most, ++holders);
      await new Promise((resolve) => setTimeout(resolve, 5));
      holders--;
      await release();
    };
    await Promise.allSettled(Array.from({ length: 6 }, take));
    expect(most).toBe(1);
  });
});
