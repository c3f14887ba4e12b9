import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorReport } from '../../src/runtime/network/messages/shapes.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { writeJob } from '../support/job-folder.ts';
import { LiveFederation, type LiveKits, makeLiveKits, PROJECT_ADMIN } from '../support/live-federation.ts';
import { runJson } from '../support/one-process.ts';
import { ask, tlsOf } from '../support/raw-request.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let kits: LiveKits;

beforeAll(async () => {
  kits = await makeLiveKits(join(root, 'kits'), { clients: 1 });
  await writeJob(join(root, 'tiny'));
});

/** Recorded from version 0.1.0: what it answers to whoever speaks version 2, and to probes. */
const REFUSAL =
  '{"code":"NF_PROTOCOL_VERSION","message":"This server speaks version 1 of the neuroflare protocol, not 2.","hint":"Use the neuroflare version of the server: `neuroflare system version`.","exitCode":4}';
const health = () => JSON.stringify({ status: 'ok', time: new Date().toISOString(), seen_as: '127.0.0.1' });

describe('a server of version 0.1.0', () => {
  let server: Server;
  const asked: string[] = [];

  beforeAll(async () => {
    const { tls } = await openKit(kits.kit('hub'), 'server');
    server = createServer(tls, (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['neuroflare-protocol']}`);
      request.resume();
      response.setHeader('content-type', 'application/json; charset=utf-8');
      if (request.url === '/healthz') response.end(health());
      else response.writeHead(426).end(REFUSAL);
    });
    await new Promise<void>((resolve) => void server.listen(kits.port, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['job list', 'admin'],
    ['job submit tiny', 'admin'],
    ['job meta 3f2a91c0', 'admin'],
    ['system status', 'admin'],
    ['client start KIT --engine cpu', 'site'],
  ])('is told by %s to be older than this machine, with what to do', async (words, who) => {
    const kit = kits.kit(who === 'site' ? 'site-1' : PROJECT_ADMIN);
    const line = words.split(' ').map((word) => (word === 'KIT' ? kit : word));
    const { code, answer } = await runJson(who === 'site' ? line : [...line, '--kit', kit], { cwd: root });
    expect([code, answer]).toEqual([
      4,
      expect.objectContaining({
        error_code: 'NF_SERVER_OLDER',
        message: expect.stringContaining('speaks an older version of the neuroflare protocol than version 2'),
        hint: expect.stringContaining('Have the server upgraded'),
      }),
    ]);
    expect(asked.at(-1)).toMatch(/ 2$/);
  });

  it('is found by preflight-check, before a client is started', async () => {
    const { code, answer } = await runJson(['preflight-check', kits.kit('site-1')], { cwd: root });
    expect([code, answer.status]).toEqual([1, 'failed']);
    expect(JSON.stringify(answer.data)).toContain('NF_SERVER_OLDER');
  });
});

describe('a client or an admin of version 0.1.0', () => {
  let federation: LiveFederation;
  beforeAll(async () => {
    federation = new LiveFederation(kits);
    await federation.startServer();
  });
  afterAll(() => federation.close());

  it.each([
    ['site-1', 'POST', '/v1/site/session'],
    ['site-1', 'POST', '/v1/site/poll'],
    [PROJECT_ADMIN, 'GET', '/v1/system/status'],
    [PROJECT_ADMIN, 'GET', '/v1/jobs/?max=5'],
    [PROJECT_ADMIN, 'POST', '/v1/jobs/'],
  ])(
    'that asks as %s %s %s gets an answer that it can read, with what to install',
    async (who, method, path) => {
      const headers = { 'neuroflare-protocol': '1', 'content-type': 'application/json' };
      const tls = await tlsOf(kits, who);
      const body = method === 'POST' ? '{}' : undefined;
      const answer = await ask(kits, path, { ...tls, method, headers, body });
      expect(answer.status).toBe(426);
      // Its form of an error is this one, and no other key is taken.
      expect(errorReport.parse(JSON.parse(answer.body))).toEqual({
        code: 'NF_PROTOCOL_VERSION',
        message: expect.stringContaining('speaks version 2 of its protocol, not 1.'),
        hint: expect.stringContaining('npm install --global neuroflare@'),
        exitCode: 4,
      });
    },
  );
});
