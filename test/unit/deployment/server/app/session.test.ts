import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionRoutes } from '../../../../../src/runtime/deployment/server/app/routes/session.ts';
import { RevokedList } from '../../../../../src/runtime/deployment/server/sites/revoked-list.ts';
import { SiteOrders } from '../../../../../src/runtime/deployment/server/sites/site-orders.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import type { AssignedJob } from '../../../../../src/runtime/network/messages/site.ts';
import { quietLog } from '../../../../support/quiet-log.ts';
import { hello } from '../../../../support/raw-site.ts';
import { ANN, rememberedDeeds, routeApp, SITE_1 } from '../../../../support/route-app.ts';

let registry: SiteRegistry;
let orders: SiteOrders;
let revoked: RevokedList;
let assigned: AssignedJob[];
let audit: ReturnType<typeof rememberedDeeds>;
let app: Awaited<ReturnType<typeof routeApp>>;
const seen: string[] = [];
const INSTANCE = randomUUID();

beforeEach(async () => {
  registry = new SiteRegistry([]);
  orders = new SiteOrders(registry);
  revoked = new RevokedList(undefined);
  assigned = [];
  audit = rememberedDeeds();
  seen.length = 0;
  app = await routeApp('/v1/site', (scope) =>
    sessionRoutes(scope, {
      registry,
      orders,
      revoked,
      audit,
      kit: { identity: { name: 'hub', org: 'university', type: 'server' }, project: 'brain' },
      store: { seeSite: async ({ name }) => void seen.push(name) },
      scheduler: { assigned: () => assigned },
      logger: quietLog(),
    }),
  );
});

afterEach(async () => {
  await app.close();
  registry.stop();
});

async function register(): Promise<string> {
  const { body } = await app.ask('POST', '/v1/site/session', { who: SITE_1, body: hello(INSTANCE) });
  return String(body.session);
}

const poll = (session: string, over: object = {}) =>
  app.ask('POST', '/v1/site/poll', {
    who: SITE_1,
    session,
    body: { seen: null, wait_seconds: 0, jobs: [], ...over },
  });

describe('a client that registers', () => {
  it('is known, noted, and told who the server is', async () => {
    const answer = await app.ask('POST', '/v1/site/session', { who: SITE_1, body: hello(INSTANCE) });
    expect(answer).toMatchObject({ status: 200, body: { server: 'hub', project: 'brain' } });
    expect(registry.get('site-1')?.id).toBe(answer.body.session);
    expect(seen).toEqual(['site-1']);
    expect(audit.deeds).toMatchObject([{ actor: 'site-1', action: 'site.connect', outcome: 'done' }]);
  });

  it('is refused where another client has its place, and where it is disabled', async () => {
    await register();
    const other = await app.ask('POST', '/v1/site/session', { who: SITE_1, body: hello(randomUUID()) });
    expect(other).toMatchObject({ body: { code: 'NF_SITE_TAKEN' } });
    registry.setEnabled('site-1', false);
    const again = await app.ask('POST', '/v1/site/session', { who: SITE_1, body: hello(INSTANCE) });
    expect(again).toMatchObject({ body: { code: 'NF_SITE_DISABLED' } });
  });

  it('is a site, and no admin', async () => {
    const answer = await app.ask('POST', '/v1/site/session', { who: ANN, body: hello(INSTANCE) });
    expect(answer).toMatchObject({ status: 403, body: { code: 'NF_ACCESS_DENIED' } });
  });

  it('is gone when it says so', async () => {
    const session = await register();
    expect(await app.ask('DELETE', '/v1/site/session', { who: SITE_1, session })).toMatchObject({
      status: 200,
    });
    expect(registry.get('site-1')).toBeUndefined();
  });
});

describe('the question for work', () => {
  it('is answered at once with something new, and told of again under the same version', async () => {
    const session = await register();
    const { body } = await poll(session);
    expect(body).toMatchObject({ jobs: [] });
    expect((await poll(session)).body.version).toBe(body.version);
  });

  it('is held until there is news', async () => {
    const session = await register();
    const { body } = await poll(session);
    const held = poll(session, { seen: body.version, wait_seconds: 60 });
    assigned = [{ job_id: randomUUID(), log_level: 'info' }];
    // The request may be on its way yet.
    const ringing = setInterval(() => registry.bell('site-1').ring(), 5);
    const answer = await held;
    clearInterval(ringing);
    expect(answer.body).toMatchObject({ jobs: assigned });
    expect(answer.body.version).not.toBe(body.version);
  });

  it('hands out orders and what is revoked', async () => {
    const session = await register();
    orders.give('site-1', 'restart');
    revoked.take('PEM');
    expect((await poll(session)).body).toMatchObject({ order: 'restart', revoked_sha256: revoked.digest });
  });

  it('renews the lease, and keeps what the site says of its jobs in the name of the site', async () => {
    const session = await register();
    const trouble = { code: 'NF_DISK_FULL', message: 'no room', hint: 'run rm -rf', exitCode: 5 };
    await poll(session, { jobs: [{ job_id: INSTANCE, phase: 'idle', trouble }] });
    expect(registry.get('site-1')?.jobs).toMatchObject([
      { phase: 'idle', trouble: { hint: 'site-1 says: run rm -rf' } },
    ]);
  });

  it('of a session that is not there, or that another one has replaced, says which', async () => {
    expect(await poll(randomUUID())).toMatchObject({ body: { code: 'NF_SESSION_UNKNOWN' } });
    const first = await register();
    await register();
    expect(await poll(first)).toMatchObject({ body: { code: 'NF_SESSION_REPLACED' } });
  });

  it('of another form than the protocol’s is refused', async () => {
    const session = await register();
    expect(await poll(session, { jobs: 'none' })).toMatchObject({
      status: 400,
      body: { code: 'NF_REQUEST_FORM' },
    });
  });
});

describe('what sites keep of the server', () => {
  it('is the list of revoked certificates, where there is one', async () => {
    const session = await register();
    const ask = () => app.ask('GET', '/v1/site/revoked', { who: SITE_1, session });
    expect(await ask()).toMatchObject({ body: { code: 'NF_FILE_UNKNOWN' } });
    revoked.take('PEM');
    expect(await ask()).toMatchObject({ status: 200, body: { crl: 'PEM' } });
  });

  it('is where its audit log ends', async () => {
    const session = await register();
    expect(await app.ask('GET', '/v1/site/audit-head', { who: SITE_1, session })).toMatchObject({
      body: { head: null },
    });
  });
});
