import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Egress,
  EgressLedger,
} from '../../../../../src/runtime/deployment/client/ledger/egress-ledger.ts';
import { ServerLink } from '../../../../../src/runtime/deployment/client/server-link.ts';
import { sendFailure } from '../../../../../src/runtime/deployment/client/tasks/send-answer.ts';
import { type TaskFailure, taskFailure } from '../../../../../src/runtime/network/messages/site.ts';
import { Connection } from '../../../../../src/runtime/network/transfer/connection.ts';
import { type OpenKit, openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../../src/runtime/security/log-key.ts';
import { openChainedLog } from '../../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../../support/federation-kits.ts';
import { LIMITS } from '../../../../support/limits.ts';
import { hello } from '../../../../support/raw-site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';
import { bodyOf, serveTls } from '../../../../support/tls-server.ts';

const root = tempFolder();
let hub: OpenKit<'server'>;
let site: OpenKit<'client'>;
let count = 0;

beforeAll(async () => {
  const federation = await makeFederation(join(root, 'kits'));
  hub = await openKit(federation.kit('hub'), 'server');
  site = await openKit(federation.kit('site-1'), 'client');
});

const failureWith = (message: string): TaskFailure => ({
  task: 'train/2/site-1',
  attempt: 1,
  error: { code: 'NF_SCRIPT_FAILED', message, hint: 'h', exitCode: 1 },
});

/** Sends a failure to a server that refuses the first ones. */
async function sent(failure: TaskFailure, refused: number) {
  const came: TaskFailure[] = [];
  const server = await serveTls(hub.tls, async (request, response) => {
    const body: unknown = JSON.parse((await bodyOf(request)).toString());
    const place = { server: 'hub', project: 'brain', version: '0', seen_as: '127.0.0.1' };
    const time = new Date().toISOString();
    if (request.url === '/v1/site/session')
      return void response.end(
        JSON.stringify({ session: randomUUID(), time, lease_seconds: 10, poll_seconds: 3, ...place }),
      );
    came.push(taskFailure.parse(body));
    const refusal = { code: 'NF_REQUEST_FORM', message: 'm', hint: 'h', exitCode: 4 };
    if (came.length <= refused) response.writeHead(400).end(JSON.stringify(refusal));
    else response.end(JSON.stringify({ verdict: 'accepted', round: null }));
  });
  const tls = site.tls;
  const connection = new Connection({
    host: 'localhost',
    port: server.port,
    tls,
    connectSeconds: LIMITS.moment,
  });
  const path = join(root, `egress-${count++}.jsonl`);
  const ledger = new EgressLedger(await openChainedLog<Egress>(path, logKey(site)), `${path}.open`);
  const { signal } = new AbortController();
  const onTrouble = () => undefined;
  const link = new ServerLink({ connection, ledger, hello: hello(randomUUID()), signal, onTrouble });
  try {
    const deps = { site: 'site-1', link, logger: pino({ level: 'silent' }), job: 'id', stop: signal };
    return { isTaken: await sendFailure(failure, deps), came, ledger: await readFile(path, 'utf8') };
  } finally {
    await connection.close();
    await server.close();
    await ledger.close();
  }
}

describe('a failure that is sent', () => {
  it('goes once where the server takes it', async () => {
    const { isTaken, came } = await sent(failureWith('it broke'), 0);
    expect({ isTaken, came }).toEqual({ isTaken: true, came: [failureWith('it broke')] });
  });

  it('goes in words of the client alone where the server refuses it', async () => {
    const { isTaken, came } = await sent(failureWith('it broke'), 1);
    expect(isTaken).toBe(true);
    expect(came[1]).toMatchObject({
      task: 'train/2/site-1',
      error: { code: 'NF_SITE_ANSWER', place: { site: 'site-1' } },
    });
    expect(JSON.stringify(came[1])).not.toContain('it broke');
  });

  it('is over where the server refuses that, too', async () => {
    const { isTaken, came } = await sent(failureWith('it broke'), 9);
    expect({ isTaken, sent: came.length }).toEqual({ isTaken: false, sent: 2 });
  });

  it('is cut at the last exit, before the ledger, whoever made it so long', async () => {
    const { isTaken, came, ledger } = await sent(failureWith('x'.repeat(3_000_000)), 0);
    expect({ isTaken, sent: came.length }).toEqual({ isTaken: true, sent: 1 });
    const { bytes = 0 } = JSON.parse(ledger.split('\n')[0] ?? '') as { bytes?: number };
    expect(bytes).toBeLessThan(30_000);
  });
});
