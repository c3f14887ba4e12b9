import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AT_ONCE_LIMITS, REQUEST_LIMITS } from '../../../src/runtime/base/limits.ts';
import { ROUTE_RIGHTS } from '../../../src/runtime/deployment/server/policy/route-rights.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const open: TLSSocket[] = [];
let federation: LiveFederation;
let job = '';

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  const folder = await writeJob(join(root, 'job'), { patch: { workflow: { n_clients: 1 } } });
  job = await federation.submit(folder);
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});
afterAll(() => federation.close());

/** A connection in which somebody writes what they like. */
async function line(name: string) {
  const { port } = federation.kits;
  const tls = await tlsOf(federation.kits, name);
  const socket = tlsConnect({ host: 'localhost', port, servername: 'localhost', ...tls });
  open.push(socket);
  const said = { heard: '' };
  socket.on('error', () => undefined).setEncoding('latin1');
  socket.on('data', (part: string) => {
    said.heard += part;
  });
  return Object.assign(said, { socket });
}

const head = (method: string, path: string, more: readonly string[] = []) =>
  [`${method} ${path} HTTP/1.1`, 'host: x', 'neuroflare-protocol: 2', ...more, '', ''].join('\r\n');
/** The beginning of a JSON body that is announced with so many bytes. */
const half = (method: string, path: string, bytes = 1_000_000) =>
  `${head(method, path, ['content-type: application/json', `content-length: ${bytes}`])}{"targets":["x`;

const written = Object.entries(ROUTE_RIGHTS).filter(
  ([route, { who }]) => !/^(GET|PATCH) /.test(route) && who !== 'participant',
);

describe('somebody without the right', () => {
  it.each(written)('is refused before the body of %s is read', async (route, { who }) => {
    const [method = '', path = ''] = route.split(' ');
    const isOther = who === 'admin' || route === 'POST /v1/site/session';
    const said = await line(isOther ? 'mia@example.org' : 'site-1');
    said.socket.write(half(method, path.replace(':job', job).replace(':study', 'default')));
    await until(() => said.heard.includes('\r\n\r\n'));
    expect(said.heard).toMatch(/^HTTP\/1.1 40[134] /);
    expect(said.heard).toMatch(/"code":"NF_(ACCESS_DENIED|SESSION_UNKNOWN|JOB_NOT_HERE)"/);
  });

  it('is refused before a body where no route is', async () => {
    const said = await line('mia@example.org');
    said.socket.write(half('POST', '/v1/nowhere'));
    await until(() => said.heard.includes('NF_ROUTE_UNKNOWN'));
  });
});

describe('half a body', () => {
  it('takes room of its participant, of which there is not more than the limit', async () => {
    const bytes = REQUEST_LIMITS.json_bytes.most;
    const many = Math.floor(REQUEST_LIMITS.participant_bytes.most / bytes);
    const lines: Awaited<ReturnType<typeof line>>[] = [];
    for (let one = 0; one < many; one++) {
      const said = await line('site-1');
      said.socket.write(half('POST', '/v1/site/session', bytes));
      lines.push(said);
    }
    let refused = '';
    await until(async () => {
      const said = await line('site-1');
      said.socket.write(half('POST', '/v1/site/session', bytes));
      await new Promise((resolve) => setTimeout(resolve, 200));
      refused = said.heard;
      said.socket.destroy();
      return refused !== '';
    });
    expect(refused).toMatch(/^HTTP\/1.1 429 /);
    expect(refused).toContain('NF_AT_ONCE');
    expect(lines.map(({ heard }) => heard)).toEqual(lines.map(() => ''));
    for (const { socket } of lines) socket.destroy();
    // Who hung up has no bytes here any more.
    await until(async () => {
      const site = await RawSite.connect(federation.kits, 'site-1').catch(() => undefined);
      await site?.close();
      return site !== undefined;
    });
  });

  it('keeps no question for work from its turn', async () => {
    const site = await RawSite.connect(federation.kits, 'site-1', { instance: randomUUID() });
    for (let one = 0; one < AT_ONCE_LIMITS.requests.most + 4; one++)
      (await line('site-1')).socket.write(half('POST', '/v1/site/session', 50));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await site.poll()).jobs.map(({ job_id: id }) => id)).toEqual([job]);
    for (const socket of open.splice(0)) socket.destroy();
    await site.close();
  });
});

describe('many requests at once', () => {
  it('are refused where more wait than may, and the next ones are not', async () => {
    const lines: Awaited<ReturnType<typeof line>>[] = [];
    const { requests, more_requests: more } = AT_ONCE_LIMITS;
    for (let one = 0; one < requests.most + more.most + 1; one++) {
      const said = await line('site-1');
      said.socket.write(half('POST', '/v1/site/session', 50));
      lines.push(said);
    }
    await until(() => lines.some(({ heard }) => heard.includes('NF_AT_ONCE')));
    for (const { socket } of lines) socket.destroy();
    await until(
      async () =>
        (await ask(federation.kits, '/healthz', await tlsOf(federation.kits, 'site-1'))).status === 200,
    );
  });

  it('for the description of the server have the same text', async () => {
    const tls = await tlsOf(federation.kits, 'site-1');
    const [one, two] = [
      await ask(federation.kits, '/openapi.json', tls),
      await ask(federation.kits, '/openapi.json', tls),
    ];
    expect(one.headers['content-type']).toMatch(/^application\/json/);
    expect(two.body).toBe(one.body);
    expect(JSON.parse(one.body).openapi).toBe('3.1.0');
  });
});
