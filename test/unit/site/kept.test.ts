import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256File } from '../../../src/runtime/base/digest.ts';
import { checkTaskFile } from '../../../src/runtime/run/task-file.ts';
import { readKept } from '../../../src/runtime/site/kept.ts';
import { type Made, writeKept, writePersonal, writeShared } from '../../../src/runtime/site/write-kept.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let folder: string;
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

const SECRET = new Uint8Array(32).fill(9);
const PATTERNS = ['bn*'];
const model = (kernel: number, bn: number) => ({
  kernel: float32([kernel]),
  'bn/gamma': float32([bn, bn + 1]),
});
const at = (name: string) => join(folder, name);

/** What the site keeps after a task. */
async function keep(name: string, made: Partial<Made>, kept?: string): Promise<string> {
  const received = await writeModel(folder, 'received', model(1, 10));
  const all: Made = { model: undefined, state: undefined, secret: SECRET, ...made };
  const { path, sha256, size } = await writeKept(at(name), all, { received, kept, patterns: PATTERNS });
  expect([sha256, size]).toEqual([await sha256File(path), (await readFile(path)).length]);
  return path;
}

const sent = async (kernel: number, bn: number, paramsType: 'FULL' | 'DIFF' = 'FULL') => ({
  model: { path: await writeModel(folder, `sent-${paramsType}`, model(kernel, bn)), paramsType },
});
const state = async (text: string) => {
  await writeFile(at('state'), text);
  return { state: at('state') };
};
const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

describe('what a site keeps of its own', () => {
  it('are the tensors that stay, of the last answer, and what the script keeps', async () => {
    const first = await keep('1', { ...(await sent(5, 20)), ...(await state('one')) });
    expect((await readKept(first)).tensors).toEqual({ 'bn/gamma': float32([20, 21]) });
    expect(textOf((await readKept(first)).state)).toBe('one');
    // A script that keeps nothing new has what it kept.
    const second = await keep('2', await sent(6, 30), first);
    expect((await readKept(second)).tensors).toEqual({ 'bn/gamma': float32([30, 31]) });
    expect(textOf((await readKept(second)).state)).toBe('one');
    // An evaluation leaves the tensors, and may keep something.
    const third = await keep('3', await state('two'), second);
    expect((await readKept(third)).tensors).toEqual({ 'bn/gamma': float32([30, 31]) });
    expect(textOf((await readKept(third)).state)).toBe('two');
  });

  it('without a word of the script have no state', async () => {
    expect((await readKept(await keep('1', await sent(5, 20)))).state).toBeUndefined();
  });

  it('of differences are what they come to, from its own or else from what it received', async () => {
    const first = await keep('1', await sent(1, 2, 'DIFF'));
    expect((await readKept(first)).tensors).toEqual({ 'bn/gamma': float32([12, 14]) });
    const second = await keep('2', await sent(1, 2, 'DIFF'), first);
    expect((await readKept(second)).tensors).toEqual({ 'bn/gamma': float32([14, 17]) });
    // It has kept something, and no tensors.
    const evaluated = await keep('3', await state('x'));
    expect((await readKept(await keep('4', await sent(1, 2, 'DIFF'), evaluated))).tensors).toEqual({
      'bn/gamma': float32([12, 14]),
    });
  });

  it('are refused by name where a difference leads to no number', async () => {
    const first = await keep('1', await sent(0, 3e38));
    await expect(keep('2', await sent(0, 3e38, 'DIFF'), first)).rejects.toMatchObject({
      code: 'NF_TENSORS_NOT_FINITE',
      message: expect.stringContaining('bn/gamma'),
    });
  });

  it('have a digest that nobody can guess who has not the secret of the site', async () => {
    const one = await sha256File(await keep('1', await sent(5, 20)));
    expect(await sha256File(await keep('2', await sent(5, 20)))).toBe(one);
    const other = await keep('3', { ...(await sent(5, 20)), secret: new Uint8Array(32) });
    expect(await sha256File(other)).not.toBe(one);
  });
});

describe('a model of which tensors stay at the site', () => {
  it('goes on without them, and an answer that has one is refused', async () => {
    const path = await writeModel(folder, 'whole', model(5, 20));
    const shared = await writeShared(at('shared'), path, PATTERNS);
    expect(await readModel(shared.path)).toEqual({ kernel: float32([5]) });
    const rule = { form: 'subset:model', stays: PATTERNS } as const;
    const file = { model: path, rule, name: 'model', task: 'train/1/site-1' };
    await checkTaskFile({ ...file, path: shared.path });
    await expect(checkTaskFile({ ...file, path })).rejects.toMatchObject({
      code: 'NF_PAYLOAD_FORM',
      message: expect.stringContaining('bn/gamma'),
    });
  });

  it("is the site's own with what it kept, and the one it received before it has trained", async () => {
    const received = await writeModel(folder, 'received', model(1, 10));
    const kept = await keep('1', await sent(5, 20));
    await writePersonal(at('own'), { received, kept, patterns: PATTERNS });
    expect(await readModel(at('own'))).toEqual(model(1, 20));
    await writePersonal(at('first'), { received, kept: undefined, patterns: PATTERNS });
    expect(await readModel(at('first'))).toEqual(model(1, 10));
  });
});
