import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import type { FileRef } from '../../../src/runtime/run/events.ts';
import { damageOf, requireIntact } from '../../../src/runtime/run/intact.ts';
import { folderFiles, type RunFiles } from '../../../src/runtime/run/run-files.ts';
import { answerPath, modelPath, type RunFolder, runFolder } from '../../../src/runtime/run/run-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const updatePath = (site: string, round: number) =>
  answerPath({ name: 'train', round, site }, 'model', { form: 'subset:model' });
let folder: RunFolder;
let files: RunFiles;
let count = 0;

beforeEach(() => {
  folder = runFolder(join(root, String(count++)));
  files = folderFiles(folder);
});

async function put(path: string, text: string): Promise<FileRef> {
  await mkdir(dirname(folder.at(path)), { recursive: true });
  await writeFile(folder.at(path), text);
  return { path, sha256: sha256(text) };
}

const below = async () =>
  (await readdir(folder.root, { recursive: true })).filter((path) => /\.\w+$/.test(path)).sort();

describe('the files of a run', () => {
  it('are models by round, with the digest of what was written', async () => {
    const model = await files.keepModel(12, async (target) => {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, 'model');
      return sha256('model');
    });
    expect(model).toEqual({ path: modelPath(12), sha256: sha256('model') });
    expect(files.at(model)).toBe(join(folder.root, 'models/round-0012.safetensors'));
  });

  it('have no model whose writing failed', async () => {
    const failed = files.keepModel(1, async () => {
      throw new Error('no space');
    });
    await expect(failed).rejects.toThrow('no space');
  });

  it('go when nobody needs them, and it does not matter if they are gone', async () => {
    const [gone, kept] = [await put('a.bin', 'a'), await put('b.bin', 'b')];
    await files.discard([gone]);
    await files.discard([gone]);
    await files.discard([]);
    expect(await below()).toEqual(['b.bin']);
    expect(await damageOf(files, kept)).toBeUndefined();
  });

  it('of a closed round are those of its members alone', async () => {
    for (const site of ['site-1', 'site-2', 'site-10'])
      for (const round of [1, 2]) await put(updatePath(site, round), 'x');
    await files.closeRound(1, ['site-1', 'site-10', 'site-99']);
    expect(await below()).toEqual([
      'sites/site-1/update-0002.safetensors',
      'sites/site-10/update-0002.safetensors',
      'sites/site-2/update-0001.safetensors',
      'sites/site-2/update-0002.safetensors',
    ]);
  });
});

describe('a file that the log names', () => {
  it.each<[string, (path: string) => Promise<unknown>, string | undefined]>([
    ['as it was', async () => undefined, undefined],
    ['gone', (path) => rm(path), 'it is missing'],
    ['changed', (path) => writeFile(path, 'modeL'), 'its SHA-256 differs'],
    ['cut', (path) => truncate(path, 2), 'its SHA-256 differs'],
    ['empty', (path) => truncate(path, 0), 'its SHA-256 differs'],
    ['a folder', async (path) => rm(path).then(() => mkdir(path)), 'it is missing'],
  ])('is %s', async (_, act, reason) => {
    const file = await put('models/m.bin', 'model');
    await act(folder.at(file.path));
    expect(await damageOf(files, file)).toBe(reason);
    const required = requireIntact(files, file);
    if (reason === undefined) return required;
    await expect(required).rejects.toMatchObject({
      code: 'NF_RUN_FILE',
      message: expect.stringContaining(reason),
      place: { file: folder.at(file.path) },
    });
  });
});
