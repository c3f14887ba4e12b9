import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { Connection } from '../../../../src/runtime/network/transfer/connection.ts';
import { type Download, download } from '../../../../src/runtime/network/transfer/download.ts';
import { type Upload, upload } from '../../../../src/runtime/network/transfer/upload.ts';
import { type KitTls, openKit } from '../../../../src/runtime/security/kit/open.ts';
import { makeFederation } from '../../../support/federation-kits.ts';
import { LIMITS } from '../../../support/limits.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { bodyOf, type Handler, type RunningServer, serveTls } from '../../../support/tls-server.ts';

const root = tempFolder();
const FILE = randomBytes(400_000);
const DIGEST = sha256(FILE);
const PART = `model.${DIGEST.slice(0, 16)}.part`;
let hub: KitTls;
let site: KitTls;
let folder = '';
let count = 0;
let server: RunningServer | undefined;
let connection: Connection;

beforeAll(async () => {
  const federation = await makeFederation(join(root, 'kits'));
  hub = (await openKit(federation.kit('hub'), 'server')).tls;
  site = (await openKit(federation.kit('site-1'), 'client')).tls;
});

beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

afterEach(async () => {
  await connection.close();
  await server?.close();
});

/** Seconds of silence where that is what is tested. */
const SHORT = 0.5;

/** @param silence seconds after which a line is silent */
async function serve(handler: Handler, silence: number = LIMITS.moment): Promise<void> {
  server = await serveTls(hub, handler);
  connection = new Connection({
    host: 'localhost',
    port: server.port,
    tls: site,
    connectSeconds: LIMITS.moment,
    silenceSeconds: silence,
  });
}

const named = (code: string, text = '') => ({ code, message: expect.stringContaining(text) });

describe('a download', () => {
  const target = () => join(folder, 'model');
  const fetch = (over: Partial<Download> = {}) =>
    download(connection, { path: '/file', target: target(), sha256: DIGEST, size: FILE.length, ...over });
  const startOf = ({ headers: { range = '' } }: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
  /** The rest of the file, from where it is asked for. */
  const good: Handler = (request, response) => {
    const start = startOf(request);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': FILE.length - start });
    response.end(FILE.subarray(start));
  };
  const partOf = (bytes: Buffer) => writeFile(join(folder, PART), bytes);
  const left = () => readdir(folder);

  it('is there under its name when it is whole', async () => {
    await serve(good);
    const seen: number[] = [];
    await fetch({ onReached: (bytes) => seen.push(bytes), headers: { 'x-own': '1' } });
    expect(await readFile(target())).toEqual(FILE);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(FILE.length);
    expect(await left()).toEqual(['model']);
  });

  it('makes the folder it goes to', async () => {
    await serve(good);
    await fetch({ target: join(folder, 'deep/er/model') });
    expect((await stat(join(folder, 'deep/er/model'))).size).toBe(FILE.length);
  });

  it.each([1, 200_000, FILE.length - 1])(
    'goes on after %d bytes that an earlier try has left',
    async (have) => {
      const starts: number[] = [];
      await serve((request, response) => {
        starts.push(startOf(request));
        good(request, response);
      });
      await partOf(FILE.subarray(0, have));
      await fetch();
      expect(starts).toEqual([have]);
      expect(await readFile(target())).toEqual(FILE);
    },
  );

  it('asks for nothing when all of it is there already', async () => {
    await serve(good);
    await partOf(FILE);
    await fetch();
    expect(server?.asked).toEqual([]);
    expect(await readFile(target())).toEqual(FILE);
  });

  it('of nothing is an empty file', async () => {
    await serve(good);
    await fetch({ sha256: sha256(''), size: 0 });
    expect((await stat(target())).size).toBe(0);
    expect(server?.asked).toEqual([]);
  });

  it('begins anew where too much is there', async () => {
    await serve(good);
    await partOf(Buffer.concat([FILE, FILE]));
    await fetch();
    expect(await readFile(target())).toEqual(FILE);
  });

  it('keeps what came before the line broke, and is whole after a repetition', async () => {
    let breaks = 2;
    let least = 0;
    /** What a line that breaks has not given to its reader yet is gone. */
    const whenThere = async (bytes: number) => {
      const size = async () => (await stat(join(folder, PART)).catch(() => undefined))?.size ?? 0;
      while ((await size()) <= bytes) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await serve((request, response) => {
      if (breaks-- <= 0) return good(request, response);
      const start = startOf(request);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': FILE.length - start });
      response.write(FILE.subarray(start, start + 100_000));
      return void whenThere(least).then(() => response.destroy());
    });
    for (least of [50_000, 100_000]) {
      await expect(fetch()).rejects.toMatchObject(named('NF_CONNECTION_LOST'));
      expect((await stat(join(folder, PART))).size).toBeGreaterThan(least);
      await expect(stat(target())).rejects.toThrow('ENOENT');
    }
    await fetch();
    expect(await readFile(target())).toEqual(FILE);
    expect(await left()).toEqual(['model']);
  });

  it('keeps what came before the server ended it too early', async () => {
    await serve((_request, response) => void response.writeHead(200).end(FILE.subarray(0, 1000)));
    await expect(fetch()).rejects.toMatchObject(named('NF_CONNECTION_LOST'));
    expect((await stat(join(folder, PART))).size).toBe(1000);
  });

  it('ends when the server says nothing more', async () => {
    await serve((_request, response) => void response.writeHead(200).write(FILE.subarray(0, 1000)), SHORT);
    await expect(fetch()).rejects.toMatchObject(named('NF_SERVER_SILENT'));
    expect((await stat(join(folder, PART))).size).toBe(1000);
  });

  it('takes as long as it takes while bytes come', async () => {
    await serve((_request, response) => {
      response.writeHead(200);
      let sent = 0;
      const timer = setInterval(() => {
        response.write(FILE.subarray(sent, sent + FILE.length / 8));
        sent += FILE.length / 8;
        if (sent < FILE.length) return;
        clearInterval(timer);
        response.end();
      }, 150);
    });
    await fetch();
    expect(await readFile(target())).toEqual(FILE);
  });

  it('stops at once with the reason of a signal', async () => {
    await serve((_request, response) => void response.writeHead(200).write(FILE.subarray(0, 1000)));
    const stop = new AbortController();
    const done = fetch({ signal: stop.signal, onReached: () => stop.abort(new Error('enough')) });
    await expect(done).rejects.toThrow('enough');
  });

  it.each<[string, Handler]>([
    ['other bytes', (_, response) => void response.end(randomBytes(FILE.length))],
    ['too many bytes', (_, response) => void response.end(Buffer.concat([FILE, Buffer.from('x')]))],
    ['bytes without end', (_, response) => void new EndlessBody().pipeTo(response)],
  ])('keeps nothing of %s', async (_, handler) => {
    await serve(handler);
    await expect(fetch()).rejects.toMatchObject(named('NF_TRANSFER_DIGEST', '/file'));
    expect(await left()).toEqual([]);
  });

  it('keeps nothing of a part that is not of this file', async () => {
    await serve(good);
    await partOf(randomBytes(1000));
    await expect(fetch()).rejects.toMatchObject(named('NF_TRANSFER_DIGEST', 'SHA-256 differs'));
    expect(await left()).toEqual([]);
    await fetch();
  });

  it('keeps nothing when the server sends from the beginning though the rest was asked for', async () => {
    await serve((_request, response) => void response.writeHead(200).end(FILE));
    await partOf(FILE.subarray(0, 1000));
    await expect(fetch()).rejects.toMatchObject(named('NF_TRANSFER_DIGEST'));
    expect(await left()).toEqual([]);
    await fetch();
  });

  it('does not touch what is there under the name until it is whole', async () => {
    await serve((_request, response) => void response.end(randomBytes(FILE.length)));
    await writeFile(target(), 'before');
    await expect(fetch()).rejects.toMatchObject(named('NF_TRANSFER_DIGEST'));
    expect(await readFile(target(), 'utf8')).toBe('before');
  });

  it('says what the server refuses', async () => {
    const report = flError('NF_FILE_UNKNOWN', { path: 'x' }).report();
    await serve((_request, response) => void response.writeHead(404).end(JSON.stringify(report)));
    await expect(fetch()).rejects.toMatchObject({ code: 'NF_FILE_UNKNOWN' });
  });

  it('says when it cannot be written', async () => {
    await serve(good);
    await writeFile(join(folder, 'file'), '');
    await expect(fetch({ target: join(folder, 'file/model') })).rejects.toThrow(/ENOTDIR|EEXIST/);
  });
});

/** Sends until the other end has enough. */
class EndlessBody {
  pipeTo(response: ServerResponse): void {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(64_000)));
    };
    response.on('drain', more).on('error', () => undefined);
    more();
  }
}

describe('an upload', () => {
  let path = '';

  beforeEach(async () => {
    path = join(folder, 'update');
    await writeFile(path, FILE);
  });

  const send = (over: Partial<Upload> = {}) =>
    upload(connection, { path: '/file', file: path, size: FILE.length, ...over });

  /** A server as it should be: what it has, and what it was asked. */
  class Receiver {
    got = Buffer.alloc(0);
    isDone = false;
    readonly pieces: { offset: number; length: number }[] = [];

    // A sender that goes away in the middle of its body is part of some tests.
    readonly handle: Handler = (request, response) =>
      void this.#answer(request, response).catch(() => response.destroy());

    async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const size = Number(request.headers['upload-length']);
      if (request.method === 'GET') return this.#place(response);
      const body = await bodyOf(request);
      this.pieces.push({ offset: Number(request.headers['upload-offset']), length: body.length });
      this.got = Buffer.concat([this.got, body]);
      this.isDone = this.got.length === size;
      this.#place(response);
    }

    #place(response: ServerResponse): void {
      response.end(JSON.stringify({ offset: this.got.length, done: this.isDone }));
    }
  }

  it('arrives as it is', async () => {
    const receiver = new Receiver();
    await serve(receiver.handle);
    let sent = 0;
    await send({ onBytes: (bytes) => (sent += bytes) });
    expect(receiver.got).toEqual(FILE);
    expect(sent).toBe(FILE.length);
    expect(server?.asked).toEqual(['GET /file', 'PATCH /file']);
  });

  it.each([1, 399_999])('goes on after %d bytes that are there', async (have) => {
    const receiver = new Receiver();
    receiver.got = FILE.subarray(0, have);
    await serve(receiver.handle);
    await send();
    expect(receiver.pieces).toEqual([{ offset: have, length: FILE.length - have }]);
    expect(receiver.got).toEqual(FILE);
  });

  it('sends nothing of a file that is there', async () => {
    const receiver = new Receiver();
    [receiver.got, receiver.isDone] = [FILE, true];
    await serve(receiver.handle);
    await send();
    expect(server?.asked).toEqual(['GET /file']);
  });

  it('ends with an empty piece what is there and not yet taken in', async () => {
    const receiver = new Receiver();
    receiver.got = FILE;
    await serve(receiver.handle);
    await send();
    expect(receiver.pieces).toEqual([{ offset: FILE.length, length: 0 }]);
  });

  it('may be of an empty file', async () => {
    const receiver = new Receiver();
    await serve(receiver.handle);
    await writeFile(path, '');
    await send({ size: 0 });
    expect(receiver.isDone).toBe(true);
  });

  it('is acknowledged in pieces', async () => {
    const receiver = new Receiver();
    await serve(receiver.handle);
    const size = 33 * 1024 * 1024;
    await truncate(path, size);
    await send({ size });
    expect(receiver.pieces).toEqual([
      { offset: 0, length: 32 * 1024 * 1024 },
      { offset: 32 * 1024 * 1024, length: 1024 * 1024 },
    ]);
    expect(sha256(receiver.got)).toBe(sha256(await readFile(path)));
  });

  it('fails when the line breaks, and goes on with a repetition', async () => {
    const receiver = new Receiver();
    let breaks = true;
    await serve((request, response) => {
      if (request.method === 'PATCH' && breaks) {
        breaks = false;
        request.once('data', (chunk: Buffer) => {
          receiver.got = Buffer.concat([receiver.got, chunk]);
          request.socket.destroy();
        });
        return;
      }
      receiver.handle(request, response);
    });
    await expect(send()).rejects.toMatchObject(named('NF_CONNECTION_LOST'));
    await send();
    expect(receiver.got).toEqual(FILE);
    expect(receiver.pieces[0]?.offset).toBeGreaterThan(0);
  });

  it('ends on a line on which nothing moves', async () => {
    await serve((request, response) => {
      if (request.method === 'GET') response.end('{"offset":0,"done":false}');
      else request.pause();
    }, SHORT);
    await truncate(path, 30_000_000);
    await expect(send({ size: 30_000_000 })).rejects.toMatchObject(
      expect.objectContaining({ code: expect.stringMatching(/^NF_(CONNECTION_LOST|SERVER_SILENT)$/) }),
    );
  });

  it('ends when the server takes it all and says nothing', async () => {
    await serve((request, response) => {
      if (request.method === 'GET') response.end('{"offset":0,"done":false}');
      else request.resume();
    }, SHORT);
    await expect(send()).rejects.toMatchObject(
      expect.objectContaining({ code: expect.stringMatching(/^NF_(CONNECTION_LOST|SERVER_SILENT)$/) }),
    );
  });

  it('stops at once with the reason of a signal', async () => {
    await serve((request, response) => {
      if (request.method === 'GET') response.end('{"offset":0,"done":false}');
      else request.resume();
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await expect(send({ signal: stop.signal })).rejects.toThrow('enough');
  });

  it.each(['GET', 'PATCH'])(
    'says what the server refuses to %s, also before it has read it',
    async (method) => {
      const report = flError('NF_SESSION_UNKNOWN', { site: 'site-1' }).report();
      await serve((request, response) => {
        if (request.method === method) response.writeHead(401).end(JSON.stringify(report));
        else response.end('{"offset":0,"done":false}');
      });
      await expect(send()).rejects.toMatchObject({ code: 'NF_SESSION_UNKNOWN', message: report.message });
    },
  );

  it.each<[string, string, string]>([
    ['no JSON', 'x', '0'],
    ['another form', '{"offset":"all"}', '0'],
    ['nothing', '', '0'],
    ['that it has none of it', '{"offset":0,"done":false}', '0'],
    ['that it has less than before', '{"offset":5,"done":false}', '10'],
    ['that it has more than there is', '{"offset":500000,"done":false}', '0'],
    ['in its first word that it has more than there is', '', '500000'],
    ['in its first word something else', '', '"many"'],
    ['in its first word less than nothing', '', '-1'],
    ['in its first word a part of a byte', '', '0.5'],
  ])('ends with a server that answers %s', async (_, text, offset) => {
    await serve((request, response) => {
      if (request.method === 'GET') response.end(`{"offset":${offset},"done":false}`);
      else request.resume().on('end', () => response.end(text));
    });
    await expect(send()).rejects.toMatchObject(named('NF_SERVER_ANSWER'));
    expect(server?.asked.length).toBeLessThan(4);
  });

  it('fails where the file is not there, or shorter than it was', async () => {
    const receiver = new Receiver();
    await serve(receiver.handle);
    await expect(send({ file: join(folder, 'none') })).rejects.toThrow('ENOENT');
    await truncate(path, 1000);
    await expect(send()).rejects.toThrow();
  });
});
