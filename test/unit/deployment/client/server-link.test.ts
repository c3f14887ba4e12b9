import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Egress, EgressLedger } from '../../../../src/runtime/deployment/client/ledger/egress-ledger.ts';
import { ServerLink } from '../../../../src/runtime/deployment/client/server-link.ts';
import { Connection } from '../../../../src/runtime/network/transfer/connection.ts';
import { type OpenKit, openKit } from '../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../src/runtime/security/log-key.ts';
import { openChainedLog } from '../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../support/federation-kits.ts';
import { LIMITS } from '../../../support/limits.ts';
import { hello } from '../../../support/raw-site.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { bodyOf, serveTls } from '../../../support/tls-server.ts';

const root = tempFolder();
let hub: OpenKit<'server'>;
let site: OpenKit<'client'>;
let count = 0;

beforeAll(async () => {
  const federation = await makeFederation(join(root, 'kits'));
  hub = await openKit(federation.kit('hub'), 'server');
  site = await openKit(federation.kit('site-1'), 'client');
});

interface Answer {
  readonly status?: number;
  readonly body: string;
}

const time = new Date().toISOString();
const good = JSON.stringify({ version: 'v', jobs: [], time });
const refusal = (code: string) => JSON.stringify({ code, message: 'made up', hint: 'h', exitCode: 5 });

/** Polls a server that gives these answers one after the other, then good ones. */
async function polled(answers: readonly Answer[], { first = false } = {}) {
  const left = [...answers];
  const troubles: string[] = [];
  const server = await serveTls(hub.tls, async (request, response) => {
    await bodyOf(request);
    const isSession = request.url === '/v1/site/session';
    const place = { server: 'hub', project: 'brain', version: '0', seen_as: '127.0.0.1' };
    const welcome = JSON.stringify({
      session: randomUUID(),
      time,
      lease_seconds: 10,
      poll_seconds: 3,
      ...place,
    });
    const odd = isSession && !first ? undefined : left.shift();
    const { status = 200, body } = odd ?? { body: isSession ? welcome : good };
    response.writeHead(status).end(body);
  });
  const connection = new Connection({
    host: 'localhost',
    port: server.port,
    tls: site.tls,
    connectSeconds: LIMITS.moment,
  });
  const ledger = new EgressLedger(
    await openChainedLog<Egress>(join(root, `egress-${count}.jsonl`), logKey(site)),
    join(root, `egress-${count++}.open`),
  );
  const { signal } = new AbortController();
  const onTrouble = (error: { code: string } | undefined) => void (error && troubles.push(error.code));
  const link = new ServerLink({ connection, ledger, hello: hello(randomUUID()), signal, onTrouble });
  try {
    return { answer: await link.poll({ seen: null, wait_seconds: 0, jobs: [] }), troubles };
  } finally {
    await connection.close();
    await server.close();
    await ledger.close();
  }
}

describe('a client that was in', () => {
  it.each<[string, Answer, string]>([
    ['in another form', { body: '<html>maintenance</html>' }, 'NF_SERVER_ANSWER'],
    ['with nothing', { body: '' }, 'NF_SERVER_ANSWER'],
    ['with a list', { body: '[1, 2]' }, 'NF_SERVER_ANSWER'],
    ['with the page of a gateway', { status: 502, body: '<html>bad gateway</html>' }, 'NF_SERVER_ANSWER'],
    ['with a failure of its own', { status: 500, body: refusal('NF_INTERNAL') }, 'NF_INTERNAL'],
    ['that its disk is full', { status: 507, body: refusal('NF_DISK_FULL') }, 'NF_DISK_FULL'],
  ])('waits for a server that answers %s once', async (_, odd, code) => {
    const { answer, troubles } = await polled([odd, odd]);
    expect(answer).toMatchObject({ version: 'v' });
    expect(troubles).toEqual([code, code]);
  });

  it.each(['NF_ACCESS_DENIED', 'NF_REQUEST_FORM', 'constructor'])(
    'takes a refusal for one: %s',
    async (code) => {
      await expect(polled([{ status: 403, body: refusal(code) }])).rejects.toMatchObject({
        message: expect.stringContaining('made up'),
      });
    },
  );
});

describe('a client that was never in', () => {
  it('ends with what the server answered in another form', async () => {
    await expect(polled([{ body: '<html></html>' }], { first: true })).rejects.toMatchObject({
      code: 'NF_SERVER_ANSWER',
    });
  });
});
