import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { TASK_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import {
  type ClientFolder,
  clientFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { clearOldPersonal } from '../../../../../src/runtime/deployment/client/memory/personal-models.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let folder: ClientFolder;
let count = 0;

beforeEach(() => {
  folder = clientFolder(join(root, String(count++)));
});

/** A file that takes no room, so many seconds old. */
async function model(path: string, age: number, size = 1): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  const at = new Date(Date.now() - age * 1000);
  await utimes(path, at, at);
}

const left = async () => (await readdir(folder.personalModels)).sort();
const fileOf = (id: string) => `${id}.safetensors`;

describe("a site's own models of jobs that are over", () => {
  it('stay but for the oldest; those of jobs at hand, and what somebody has put there, stay in any case', async () => {
    const { most } = TASK_LIMITS.personal_models;
    const ids = Array.from({ length: most + 3 }, () => randomUUID());
    for (const [age, id] of ids.entries()) await model(folder.job(id).personal, age);
    const atHand = randomUUID();
    await model(folder.job(atHand).personal, 100_000);
    await model(join(folder.personalModels, 'of-2025.safetensors'), 100_000);
    await clearOldPersonal(folder, (id) => id === atHand);
    const kept = [...ids.slice(0, most), atHand, 'of-2025'].map(fileOf).sort();
    expect(await left()).toEqual(kept);
  });

  it('have so many bytes together, and the newest stays however large it is', async () => {
    const { most } = TASK_LIMITS.personal_bytes;
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    await model(folder.job(first).personal, 3, most / 2);
    await model(folder.job(second).personal, 2, most / 2);
    await model(folder.job(third).personal, 1, most / 2);
    await clearOldPersonal(folder, () => false);
    expect(await left()).toEqual([third, second].map(fileOf).sort());
    const large = randomUUID();
    await model(folder.job(large).personal, 0, most + 1);
    await clearOldPersonal(folder, () => false);
    expect(await left()).toEqual([fileOf(large)]);
  });

  it('need not be there', async () => {
    await expect(clearOldPersonal(folder, () => false)).resolves.toBeUndefined();
  });
});
