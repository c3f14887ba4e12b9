import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import { BlobFolder } from '../../../../src/runtime/deployment/store/blob-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let blobs: BlobFolder;
let count = 0;

beforeEach(() => {
  blobs = new BlobFolder(join(root, String(count++), 'blobs'));
});

async function put(text: string): Promise<string> {
  const draft = await blobs.draft();
  await writeFile(draft, text);
  await blobs.adopt(draft, sha256(text));
  return sha256(text);
}

const names = () => readdir(blobs.root).catch(() => []);

describe('a folder of blobs', () => {
  it('names a file by the digest of what it holds', async () => {
    await put('abc');
    expect(await readFile(blobs.at(sha256('abc')), 'utf8')).toBe('abc');
    expect(await names()).toEqual([sha256('abc')]);
  });

  it('tells the size of what it has', async () => {
    await put('abc');
    await put('');
    expect(await blobs.size(sha256('abc'))).toBe(3);
    expect(await blobs.size(sha256(''))).toBe(0);
    expect(await blobs.size(sha256('other'))).toBeUndefined();
  });

  it('takes the same bytes twice as one file', async () => {
    await put('abc');
    await put('abc');
    expect(await names()).toHaveLength(1);
  });

  it('gives every draft a name of its own that stands for no blob', async () => {
    const drafts = await Promise.all(Array.from({ length: 20 }, () => blobs.draft()));
    expect(new Set(drafts).size).toBe(20);
    expect(drafts.every((path) => dirname(path) === blobs.root && path.endsWith('.draft'))).toBe(true);
    expect(await names()).toEqual([]);
  });

  it('takes a file in from elsewhere', async () => {
    const path = join(dirname(blobs.root), 'elsewhere');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'abc');
    await blobs.adopt(path, sha256('abc'));
    await expect(stat(path)).rejects.toThrow('ENOENT');
    expect(await blobs.size(sha256('abc'))).toBe(3);
  });

  it('fails for a file that is not there, and has nothing then', async () => {
    await expect(blobs.adopt(join(root, 'nothing'), sha256('x'))).rejects.toThrow('ENOENT');
    expect(await names()).toEqual([]);
  });

  it('takes many in at once', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => `blob ${index % 10}`);
    await Promise.all(texts.map(put));
    expect((await names()).sort()).toEqual([...new Set(texts.map((text) => sha256(text)))].sort());
  });

  it('removes what is there, and does not mind what is not', async () => {
    const [kept, gone] = [await put('kept'), await put('gone')];
    await blobs.remove(gone);
    await blobs.remove(gone);
    await blobs.remove(sha256('never'));
    expect(await names()).toEqual([kept]);
  });

  it('keeps only what is wanted: drafts go, too', async () => {
    const kept = await put('kept');
    await put('gone');
    await writeFile(await blobs.draft(), 'cut short');
    await blobs.keepOnly(new Set([kept, sha256('never there')]));
    expect(await names()).toEqual([kept]);
  });

  it('does not mind that there is no folder yet', async () => {
    await blobs.keepOnly(new Set());
    await blobs.remove(sha256('x'));
    expect(await blobs.size(sha256('x'))).toBeUndefined();
  });

  it.each([
    '',
    '..',
    '../../etc/passwd',
    `../../${'a'.repeat(61)}`,
    'A'.repeat(64),
    'a'.repeat(63),
    'a'.repeat(65),
    `${'a'.repeat(64)}\n`,
    `${'a'.repeat(64)}/x`,
  ])('has no place for %j', async (name) => {
    expect(() => blobs.at(name)).toThrow('is no digest');
    await expect(blobs.size(name)).rejects.toThrow('is no digest');
    await expect(blobs.remove(name)).rejects.toThrow('is no digest');
  });
});
