import { once } from 'node:events';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Appender } from '../../../../src/runtime/base/files/appender.ts';
import { EarlySync } from '../../../../src/runtime/base/files/early-sync.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();
const at = (name: string) => join(folder, name);
let handles: FileHandle;
let count = 0;
const fresh = () => at(String(count++));

beforeAll(async () => {
  const file = await open(at('any'), 'a');
  handles = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
});
afterEach(() => vi.restoreAllMocks());

const failure = (code: string) => Object.assign(new Error(code), { code });
const MB = 1024 * 1024;

describe('a file that grows by what comes', () => {
  it('holds it all behind what was there, whatever the pieces', async () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 100_000 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const path = fresh();
        await writeFile(path, 'begun ');
        await pipeline(Readable.from(parts.map((part) => Buffer.from(part))), new Appender(path));
        const expected = Buffer.concat([Buffer.from('begun '), ...parts]);
        expect((await readFile(path)).equals(expected)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('takes small pieces together, and not too many of them', async () => {
    const writev = vi.spyOn(handles, 'writev');
    const path = fresh();
    await pipeline(Readable.from(Array.from({ length: 5000 }, () => Buffer.from('x'))), new Appender(path));
    expect((await readFile(path)).length).toBe(5000);
    const sizes = writev.mock.calls.map(([parts]) => parts.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024);
    expect(sizes.length).toBeLessThan(50);
  });

  it('holds what a slow line has given, before more comes', async () => {
    const path = fresh();
    const appender = new Appender(path);
    appender.write(Buffer.from('first'));
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toBe('first');
    appender.end(Buffer.from(' second'));
    await once(appender, 'close');
    expect(await readFile(path, 'utf8')).toBe('first second');
  });

  it('keeps what came before the stream broke, and says why it did', async () => {
    const path = fresh();
    const appender = new Appender(path);
    const broken = async function* () {
      yield Buffer.from('whole');
      // Opening the file takes as long as it takes.
      while (appender.writableLength > 0) await sleep(1);
      throw failure('ECONNRESET');
    };
    await expect(pipeline(broken, appender)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await readFile(path, 'utf8')).toBe('whole');
  });

  it('goes on where the system took a part of the bytes', async () => {
    vi.spyOn(handles, 'writev').mockImplementationOnce(async function (this: FileHandle, parts) {
      const bytes = Buffer.concat(parts as readonly Uint8Array[]).subarray(0, 3);
      await this.write(bytes, 0, 3);
      return { bytesWritten: 3, buffers: parts };
    } as FileHandle['writev']);
    const path = fresh();
    await pipeline(Readable.from([Buffer.from('abcdef')]), new Appender(path));
    expect(await readFile(path, 'utf8')).toBe('abcdef');
  });

  it('breaks off at once where the disk is full, though nothing more comes', async () => {
    vi.spyOn(handles, 'writev').mockRejectedValue(failure('ENOSPC'));
    const silent = new Readable({ read: () => undefined });
    silent.push(Buffer.alloc(1000));
    await expect(pipeline(silent, new Appender(fresh()))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(silent.destroyed).toBe(true);
  });

  it('is empty where the disk could not store what it had taken', async () => {
    vi.spyOn(handles, 'datasync').mockRejectedValueOnce(failure('EIO'));
    const path = fresh();
    let given = 0;
    const much = async function* () {
      for (; given < 200; given++) yield Buffer.alloc(MB);
    };
    await expect(pipeline(much, new Appender(path))).rejects.toMatchObject({ code: 'EIO' });
    expect((await readFile(path)).length).toBe(0);
    expect(given).toBeLessThan(60);
  });

  it('fails where it cannot be opened', async () => {
    const source = Readable.from([Buffer.from('x')]);
    await expect(pipeline(source, new Appender(at('no/such/folder')))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('the early sync of a file', () => {
  it('is of one file at a time, and tells of its failure in the end', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = { datasync: vi.fn(() => gate.promise) };
    const other = { datasync: vi.fn(async () => undefined) };
    const [first, second] = [slow, other].map((file) => new EarlySync(file as unknown as FileHandle, 10));
    first?.grown(9);
    expect(slow.datasync).not.toHaveBeenCalled();
    first?.grown(1);
    second?.grown(100);
    await Promise.resolve();
    expect([slow.datasync.mock.calls.length, other.datasync.mock.calls.length]).toEqual([1, 0]);
    gate.reject(failure('EIO'));
    await expect(first?.end()).rejects.toMatchObject({ code: 'EIO' });
    expect(() => first?.grown(1)).toThrow('EIO');
    second?.grown(1);
    await second?.end();
    expect(other.datasync).toHaveBeenCalledTimes(1);
  });
});
