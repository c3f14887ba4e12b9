import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Egress,
  EgressLedger,
} from '../../../../../src/runtime/deployment/client/ledger/egress-ledger.ts';
import { ServerLink } from '../../../../../src/runtime/deployment/client/server-link.ts';
import { TaskReporter } from '../../../../../src/runtime/deployment/client/tasks/task-reporter.ts';
import { report } from '../../../../../src/runtime/network/messages/site.ts';
import { Connection } from '../../../../../src/runtime/network/transfer/connection.ts';
import { type OpenKit, openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../../src/runtime/security/log-key.ts';
import { openChainedLog } from '../../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../../support/federation-kits.ts';
import { LIMITS } from '../../../../support/limits.ts';
import { hello } from '../../../../support/raw-site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';
import { bodyOf, type RunningServer, serveTls } from '../../../../support/tls-server.ts';

const root = tempFolder();
let hub: OpenKit<'server'>;
let site: OpenKit<'client'>;
let count = 0;

beforeAll(async () => {
  const federation = await makeFederation(join(root, 'kits'));
  hub = await openKit(federation.kit('hub'), 'server');
  site = await openKit(federation.kit('site-1'), 'client');
});

interface Line extends AsyncDisposable {
  readonly server: RunningServer;
  readonly link: ServerLink;
  readonly reports: unknown[];
}

/** A link to a server that takes `delay` milliseconds for a report, or refuses it. */
async function line(delay: number | 'refuses' = 0): Promise<Line> {
  const reports: unknown[] = [];
  const server = await serveTls(hub.tls, async (request, response) => {
    const body: unknown = JSON.parse((await bodyOf(request)).toString());
    if (request.url === '/v1/site/session') return void response.end(JSON.stringify(welcome()));
    reports.push(report.parse(body));
    if (delay === 'refuses') return void response.writeHead(500).end();
    await sleep(delay);
    response.end('{}');
  });
  const connection = new Connection({
    host: 'localhost',
    port: server.port,
    tls: site.tls,
    connectSeconds: LIMITS.moment,
  });
  const log = await openChainedLog<Egress>(join(root, `egress-${count++}.jsonl`), logKey(site));
  const ledger = new EgressLedger(log, join(root, `open-${count}.json`));
  const { signal } = new AbortController();
  const onTrouble = () => undefined;
  const link = new ServerLink({ connection, ledger, hello: hello(randomUUID()), signal, onTrouble });
  const close = async () => {
    await connection.close();
    await server.close();
    await ledger.close();
  };
  return { server, link, reports, [Symbol.asyncDispose]: close };
}

function welcome() {
  const time = new Date().toISOString();
  const place = { server: 'hub', project: 'brain', version: '0', seen_as: '127.0.0.1' };
  return { session: randomUUID(), time, lease_seconds: 10, poll_seconds: 3, ...place };
}

const progress = (done: number) => ({ type: 'progress', done, total: 100 }) as const;

describe.concurrent('a reporter of a task', () => {
  it('says at once that it has started', async () => {
    await using at = await line();
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    await reporter.close();
    expect(at.reports).toEqual([{ task: 'train/2/site-1', started: true }]);
    expect(at.server.asked).toContain('POST /v1/site/jobs/id/reports');
  });

  it('says the newest step now and then', async () => {
    await using at = await line();
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    for (let step = 0; step < 25; step++) {
      reporter.receive(progress(step));
      await sleep(50);
    }
    await sleep(1000);
    await reporter.close();
    expect(at.reports.length).toBeLessThanOrEqual(4);
    expect(at.reports.at(-1)).toEqual({ task: 'train/2/site-1', progress: { done: 24, total: 100 } });
  });

  it('says whole percents that grow, whatever numbers it hears', async () => {
    await using at = await line();
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    const heard = [
      [5_000_000_000, 9_007_199_254_740_000],
      [0.123456789, 0.5],
      [3, 100],
      [1e15, 1],
      [-4, 100],
      [1, 0],
      [0, 0],
    ] as const;
    for (const [done, total] of heard) reporter.receive({ type: 'progress', done, total });
    await sleep(1200);
    await reporter.close();
    expect(at.reports.slice(1)).toEqual([{ task: 'train/2/site-1', progress: { done: 24, total: 100 } }]);
  });

  it('says nothing of what is no step', async () => {
    await using at = await line();
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    reporter.receive({ type: 'log', text: 'x' });
    reporter.receive({ type: 'started' });
    await sleep(1100);
    await reporter.close();
    expect(at.reports).toHaveLength(1);
  });

  it('says nothing more once it is closed', async () => {
    await using at = await line();
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    reporter.receive(progress(1));
    await reporter.close();
    reporter.receive(progress(2));
    await sleep(1200);
    expect(at.reports).toEqual([{ task: 'train/2/site-1', started: true }]);
  });

  it('does not mind a server that refuses or is gone', async () => {
    await using at = await line('refuses');
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    await reporter.close();
    await at.server.close();
    await new TaskReporter(at.link, { job: 'id', task: 'train/3/site-1' }).close();
    expect(at.reports).toHaveLength(1);
  });

  it('keeps the order for a server that is slow', async () => {
    await using at = await line(600);
    const reporter = new TaskReporter(at.link, { job: 'id', task: 'train/2/site-1' });
    for (const step of [1, 2]) {
      reporter.receive(progress(step));
      await sleep(1050);
    }
    await reporter.close();
    expect(at.reports).toEqual([
      { task: 'train/2/site-1', started: true },
      { task: 'train/2/site-1', progress: { done: 1, total: 100 } },
      { task: 'train/2/site-1', progress: { done: 2, total: 100 } },
    ]);
  });
});
