import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT_ONCE_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import type { App } from '../../../../../src/runtime/deployment/server/app/app.ts';
import { InOrder } from '../../../../../src/runtime/deployment/server/app/in-order.ts';
import { until } from '../../../../support/live-federation.ts';

const sockets: Socket[] = [];
let app: App;
/** Requests that are being worked on, and what lets them end. */
const busy: (() => void)[] = [];
let served = 0;

beforeEach(async () => {
  app = Fastify() as unknown as App;
  app.decorateRequest('identity');
  app.addHook('onRequest', async (request) => {
    request.identity = { name: String(request.headers.host), org: 'o', type: 'client' };
  });
  new InOrder().add(app);
  const work = async () => {
    await new Promise<void>((resolve) => busy.push(resolve));
    return `answer ${++served}`;
  };
  app.get('/plain', work);
  app.get('/large', { config: { isLarge: true } }, work);
  app.get('/waits', { config: { waits: true } }, async () => 'news');
  app.get('/file', { config: { sendsBytes: true } }, async () => 'bytes');
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const end of busy.splice(0)) end();
  await app.close();
  served = 0;
});

function line() {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  const said = { heard: '', socket };
  socket.setEncoding('latin1').on('data', (part: string) => {
    said.heard += part;
  });
  return said;
}

const ask = (path: string, name = 'site-1') => `GET ${path} HTTP/1.1\r\nhost: ${name}\r\n\r\n`;
/** Lets all end, as they come, until it holds; gives how many were worked on at the same time. */
async function most(holds: () => boolean): Promise<number> {
  let peak = 0;
  await until(async () => {
    // What is to come has come.
    await new Promise((resolve) => setTimeout(resolve, 10));
    peak = Math.max(peak, busy.length);
    busy.shift()?.();
    return holds();
  });
  return peak;
}
const count = (heard: string, text: string) => heard.split(text).length - 1;

describe('requests', () => {
  it('in one connection are worked on one after another, and answered in their order', async () => {
    const said = line();
    said.socket.write(ask('/plain').repeat(40));
    expect(await most(() => count(said.heard, 'answer ') === 40)).toBe(1);
    expect(said.heard.match(/answer \d+/g)).toEqual(Array.from({ length: 40 }, (_, i) => `answer ${i + 1}`));
  });

  it('of a participant over many connections are few at a time, and the others wait', async () => {
    const lines = Array.from({ length: 24 }, line);
    for (const { socket } of lines) socket.write(ask('/plain'));
    const all = () => lines.every(({ heard }) => heard.includes('answer '));
    expect(await most(all)).toBe(AT_ONCE_LIMITS.requests.most);
  });

  it('for much are fewer', async () => {
    const lines = Array.from({ length: 8 }, line);
    for (const { socket } of lines) socket.write(ask('/large'));
    const all = () => lines.every(({ heard }) => heard.includes('answer '));
    expect(await most(all)).toBe(AT_ONCE_LIMITS.large.most);
  });

  it('beyond those that wait are refused, and nobody else is', async () => {
    const { requests, more_requests: more } = AT_ONCE_LIMITS;
    const lines = Array.from({ length: requests.most + more.most + 3 }, line);
    for (const { socket } of lines) socket.write(ask('/plain'));
    await until(() => lines.filter(({ heard }) => heard.includes('NF_AT_ONCE')).length === 3);
    const other = line();
    other.socket.write(ask('/plain', 'site-2'));
    await until(() => busy.length > requests.most);
    for (const name of ['/waits', '/file']) {
      const own = line();
      own.socket.write(ask(name));
      await until(() => own.heard.includes('200 OK'));
    }
  });

  it('of who hung up give their turn to the next', async () => {
    const lines = Array.from({ length: AT_ONCE_LIMITS.requests.most }, line);
    for (const { socket } of lines) socket.write(ask('/plain').repeat(3));
    await until(() => busy.length === lines.length);
    const next = line();
    next.socket.write(ask('/plain'));
    for (const { socket } of lines) socket.destroy();
    await until(() => busy.length === lines.length + 1);
    for (const end of busy.splice(0)) end();
    await until(() => next.heard.includes('answer '));
  });
});
