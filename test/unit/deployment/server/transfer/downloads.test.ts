import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT_ONCE_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import { Downloads } from '../../../../../src/runtime/deployment/server/transfer/downloads.ts';
import { openFilesOf } from '../../../../support/open-files.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const path = join(tempFolder(), 'model.safetensors');
const SIZE = 40_000_000;
writeFileSync(path, Buffer.alloc(SIZE, 7));

let app: FastifyInstance;
let downloads: Downloads;
let silenceSeconds = 60;
const sockets: Socket[] = [];

beforeEach(async () => {
  downloads = new Downloads();
  app = Fastify();
  app.decorateRequest('identity');
  app.addHook('onRequest', async (request) => {
    request.identity = { name: String(request.headers.who ?? 'site-1'), org: 'uni', type: 'client' };
  });
  app.get('/', (request, reply) =>
    downloads.send(request, reply, { job: 'j', path, name: 'model', silenceSeconds }),
  );
  app.setErrorHandler((error, _request, reply) => reply.code(429).send((error as { code?: string }).code));
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

/** Asks for the file and reads its first bytes, and nothing more until it is told to. */
async function ask(who = 'site-1') {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nwho: ${who}\r\nconnection: close\r\n\r\n`);
  const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.pause();
  const rest = () =>
    new Promise<number>((resolve) => {
      let bytes = first.length;
      socket.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      socket.on('close', () => resolve(bytes));
      socket.resume();
    });
  return { status: Number(first.toString('latin1').split(' ')[1]), rest };
}
const gone = async () => {
  while ((await openFilesOf([path])).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('a download', () => {
  it('that nobody reads is ended, and lets its file go', async () => {
    silenceSeconds = 0.2;
    const { status, rest } = await ask();
    expect(status).toBe(200);
    await gone();
    expect(await rest()).toBeLessThan(SIZE);
  });

  it('that is read, however late, comes whole', async () => {
    silenceSeconds = 60;
    const { rest } = await ask();
    expect(await rest()).toBeGreaterThan(SIZE);
  });

  it('is one of few of a participant', async () => {
    const { most } = AT_ONCE_LIMITS.downloads;
    for (let n = 0; n < most; n++) expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
    expect((await ask('site-2')).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await gone();
    expect((await ask()).status).toBe(200);
  });

  it('ends with its job', async () => {
    const { rest } = await ask();
    downloads.endOf('j');
    await gone();
    expect(await rest()).toBeLessThan(SIZE);
  });
});
