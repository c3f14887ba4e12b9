import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  type Upload,
  UploadDesk,
} from '../../../../../src/runtime/deployment/server/transfer/upload-desk.ts';
import { BlobFolder } from '../../../../../src/runtime/deployment/store/blob-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const FILE = randomBytes(300_000);
let desk: UploadDesk;
let folder = '';
let blobs: BlobFolder;
let count = 0;

beforeEach(() => {
  const at = join(root, String(count++));
  folder = join(at, 'uploads/site-1');
  blobs = new BlobFolder(join(at, 'blobs'));
  desk = new UploadDesk();
});

const uploadOf = (bytes: Buffer, over: Partial<Upload> = {}): Upload => ({
  sha256: sha256(bytes),
  size: bytes.length,
  folder,
  blobs,
  ...over,
});
const upload = () => uploadOf(FILE);
const ignore = () => undefined;
const send = (bytes: Buffer, offset = 0, to = upload()) =>
  desk.receive(to, { offset, body: Readable.from([bytes]), onBytes: ignore });

/** A body that breaks after some bytes, as a line does. */
function broken(bytes: Buffer): Readable {
  return Readable.from(
    (async function* () {
      yield bytes;
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
  );
}

/** Small ones with pauses between them: two bodies would mix if they were taken at the same time. */
async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 20_000) {
    await new Promise((resolve) => setImmediate(resolve));
    yield bytes.subarray(at, at + 20_000);
  }
}

const kept = async () => readFile(blobs.at(sha256(FILE)));
const parts = () => readdir(folder).catch(() => []);

describe('a file that another sender has brought', () => {
  const other = () => uploadOf(FILE, { folder: join(folder, '../site-2'), ofOneSender: true });
  const own = () => uploadOf(FILE, { ofOneSender: true });

  it('is whole for who sent all of it, also after a restart', async () => {
    await send(FILE, 0, other());
    expect(await desk.isWhole(other())).toBe(true);
    expect(await desk.isWhole(own())).toBe(false);
    expect(await desk.position(own())).toEqual({ offset: 0, done: false });
    expect(await send(FILE.subarray(0, 1000), 0, own())).toEqual({ offset: 1000, done: false });
    desk = new UploadDesk();
    expect(await desk.position(other())).toEqual({ offset: FILE.length, done: true });
    expect(await desk.position(own())).toEqual({ offset: 1000, done: false });
    expect(await send(FILE.subarray(1000), 1000, own())).toEqual({ offset: FILE.length, done: true });
    expect(await desk.isWhole(own())).toBe(true);
    expect(await kept()).toEqual(FILE);
  });

  it('stays whole for its sender while that one sends another file', async () => {
    await send(FILE, 0, own());
    const next = randomBytes(1000);
    await send(next, 0, uploadOf(next, { ofOneSender: true }));
    expect(await desk.isWhole(own())).toBe(true);
  });

  it('is not whole any more when the bytes are gone', async () => {
    await send(FILE, 0, own());
    await blobs.remove(sha256(FILE));
    expect(await desk.position(own())).toEqual({ offset: 0, done: false });
  });
});

describe('a file on its way in', () => {
  it('is taken in when it is whole', async () => {
    expect(await desk.position(upload())).toEqual({ offset: 0, done: false });
    expect(await send(FILE)).toEqual({ offset: FILE.length, done: true });
    expect(await kept()).toEqual(FILE);
    expect(await parts()).toEqual([]);
    expect(await desk.position(upload())).toEqual({ offset: FILE.length, done: true });
  });

  it('comes in pieces', async () => {
    const [first, second] = [FILE.subarray(0, 100_000), FILE.subarray(100_000)];
    expect(await send(first)).toEqual({ offset: 100_000, done: false });
    expect(await desk.position(upload())).toEqual({ offset: 100_000, done: false });
    expect(await blobs.size(sha256(FILE))).toBeUndefined();
    expect(await send(second, 100_000)).toEqual({ offset: FILE.length, done: true });
    expect(await kept()).toEqual(FILE);
  });

  it('comes in whatever pieces, breaks and restarts', async () => {
    const piece = fc.record({
      size: fc.integer({ min: 0, max: 900 }),
      breaks: fc.boolean(),
      restarts: fc.boolean(),
    });
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        fc.array(piece, { maxLength: 6 }),
        async (content, pieces) => {
          const bytes = Buffer.from(content);
          const to = uploadOf(bytes, { folder: join(folder, String(turn++)) });
          for (const { size, breaks, restarts } of pieces) {
            const { offset, done } = await desk.position(to);
            if (done) break;
            const some = bytes.subarray(offset, offset + size);
            const body = breaks ? broken(some) : Readable.from([some]);
            const sent = desk.receive(to, { offset, body, onBytes: ignore });
            if (breaks) await sent.catch(() => undefined);
            else await sent;
            if (restarts) desk = new UploadDesk();
          }
          const { offset } = await desk.position(to);
          expect(await send(bytes.subarray(offset), offset, to)).toEqual({
            offset: bytes.length,
            done: true,
          });
          expect(await readFile(blobs.at(to.sha256))).toEqual(bytes);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('may be empty', async () => {
    const empty = uploadOf(Buffer.alloc(0));
    expect(await desk.position(empty)).toEqual({ offset: 0, done: false });
    expect(await send(Buffer.alloc(0), 0, empty)).toEqual({ offset: 0, done: true });
    expect(await blobs.size(empty.sha256)).toBe(0);
  });

  it('is not read again when it is there', async () => {
    await send(FILE);
    const body = Readable.from([randomBytes(10)]);
    expect(await desk.receive(upload(), { offset: 0, body, onBytes: ignore })).toEqual({
      offset: FILE.length,
      done: true,
    });
    expect(await kept()).toEqual(FILE);
  });

  it('tells of its bytes as they come', async () => {
    const seen: number[] = [];
    const body = Readable.from([FILE.subarray(0, 10), FILE.subarray(10, 30)]);
    await desk.receive(upload(), { offset: 0, body, onBytes: (bytes) => seen.push(bytes) });
    expect(seen).toEqual([10, 20]);
  });

  it('does not mix with another one', async () => {
    const other = randomBytes(1000);
    await Promise.all([send(FILE), send(other, 0, uploadOf(other))]);
    expect(await kept()).toEqual(FILE);
    expect(await readFile(blobs.at(sha256(other)))).toEqual(other);
  });

  it('may come from two sites at once', async () => {
    const second = uploadOf(FILE, { folder: join(folder, '../site-2') });
    const answers = await Promise.all([send(FILE), send(FILE, 0, second)]);
    expect(answers.map(({ done }) => done)).toEqual([true, true]);
    expect(await kept()).toEqual(FILE);
  });
});

describe('a line that breaks', () => {
  it('leaves what has come, and the rest follows', async () => {
    const lost = desk.receive(upload(), {
      offset: 0,
      body: broken(FILE.subarray(0, 50_000)),
      onBytes: ignore,
    });
    await expect(lost).rejects.toThrow('aborted');
    const { offset, done } = await desk.position(upload());
    expect([done, offset <= 50_000]).toEqual([false, true]);
    expect(await send(FILE.subarray(offset), offset)).toMatchObject({ done: true });
    expect(await kept()).toEqual(FILE);
  });

  it('loses nothing when the server starts again in between', async () => {
    await send(FILE.subarray(0, 200_000));
    desk = new UploadDesk();
    expect(await desk.position(upload())).toEqual({ offset: 200_000, done: false });
    expect(await send(FILE.subarray(200_000), 200_000)).toMatchObject({ done: true });
    expect(await kept()).toEqual(FILE);
  });

  it('may break just after the last byte: an empty piece ends it', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${sha256(FILE)}.part`), FILE);
    expect(await desk.position(upload())).toEqual({ offset: FILE.length, done: false });
    expect(await send(Buffer.alloc(0), FILE.length)).toEqual({ offset: FILE.length, done: true });
    expect(await kept()).toEqual(FILE);
  });

  it('that hangs is cut when the file comes on another one', async () => {
    const hanging = new PassThrough();
    hanging.write(FILE.subarray(0, 1000));
    const first = desk.receive(upload(), { offset: 0, body: hanging, onBytes: ignore });
    first.catch(ignore);
    await expect.poll(async () => (await desk.position(upload())).offset).toBe(1000);
    expect(await send(FILE.subarray(1000), 1000)).toMatchObject({ done: true });
    await expect(first).rejects.toThrow();
    expect(hanging.destroyed).toBe(true);
    expect(await kept()).toEqual(FILE);
  });

  it('that hangs is cut once, by however many that come at once', async () => {
    const hanging = new PassThrough();
    hanging.write(FILE.subarray(0, 1000));
    const first = desk.receive(upload(), { offset: 0, body: hanging, onBytes: ignore });
    first.catch(ignore);
    await expect.poll(async () => (await desk.position(upload())).offset).toBe(1000);
    const pieces = Array.from({ length: 4 }, () => {
      const body = Readable.from(chunksOf(FILE.subarray(1000)));
      return desk.receive(upload(), { offset: 1000, body, onBytes: ignore });
    });
    const settled = await Promise.allSettled(pieces);
    expect(settled.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    const { offset, done } = await desk.position(upload());
    if (!done) expect(await send(FILE.subarray(offset), offset)).toMatchObject({ done: true });
    expect(await kept()).toEqual(FILE);
  });
});

describe('what is not the file', () => {
  it.each([
    [1, 0],
    [50, 100],
    [-1, 0],
    [FILE.length, 0],
  ])('is refused at %d when %d bytes are there', async (offset, have) => {
    await send(FILE.subarray(0, have));
    await expect(send(FILE, offset)).rejects.toMatchObject({
      code: 'NF_UPLOAD_OFFSET',
      message: expect.stringContaining(`has ${have} bytes`),
    });
    expect((await desk.position(upload())).offset).toBe(have);
  });

  it('is refused when it is longer than announced, before it fills the disk', async () => {
    let taken = 0;
    const endless = Readable.from(
      (async function* () {
        for (;;) yield Buffer.alloc(10_000);
      })(),
    );
    const sent = desk.receive(upload(), { offset: 0, body: endless, onBytes: (bytes) => (taken += bytes) });
    await expect(sent).rejects.toMatchObject({ code: 'NF_UPLOAD_TOO_LARGE' });
    expect(taken).toBeLessThanOrEqual(FILE.length);
    expect(await blobs.size(sha256(FILE))).toBeUndefined();
  });

  it('is refused with another digest, and nothing of it stays', async () => {
    const wrong = Buffer.from(FILE);
    wrong[7] = (wrong[7] ?? 0) ^ 1;
    await expect(send(wrong)).rejects.toMatchObject({ code: 'NF_TRANSFER_DIGEST' });
    expect(await parts()).toEqual([]);
    expect(await desk.position(upload())).toEqual({ offset: 0, done: false });
    expect(await send(FILE)).toMatchObject({ done: true });
  });

  it('is refused when its first part was changed on the disk', async () => {
    await send(FILE.subarray(0, 1000));
    desk = new UploadDesk();
    await writeFile(join(folder, `${sha256(FILE)}.part`), randomBytes(1000));
    await expect(send(FILE.subarray(1000), 1000)).rejects.toMatchObject({ code: 'NF_TRANSFER_DIGEST' });
    expect(await send(FILE)).toMatchObject({ done: true });
  });

  it('has no place outside, whatever it is called', async () => {
    const to = { ...upload(), sha256: '../../x' };
    await expect(desk.position(to)).rejects.toThrow('is no digest');
    await expect(send(FILE, 0, to)).rejects.toThrow('is no digest');
  });
});

it('nothing is on its way to a folder that is going to be removed, and nothing of it comes back', async () => {
  const bodies = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
  const [half, after, other] = bodies;
  for (const body of bodies) body.write(FILE.subarray(0, 1000));
  const elsewhere = { ...upload(), folder: `${folder}0` };
  const begun = [half, after].map((body) => desk.receive(upload(), { offset: 0, body, onBytes: ignore }));
  const stays = desk.receive(elsewhere, { offset: 0, body: other, onBytes: ignore });
  const ends = Promise.allSettled(begun);
  await desk.endBelow(folder);
  expect(await ends).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  expect(await parts()).toEqual([]);
  expect([half.destroyed, after.destroyed, other.destroyed]).toEqual([true, true, false]);
  other.end(FILE.subarray(1000));
  await expect(stays).resolves.toMatchObject({ done: true });
});
