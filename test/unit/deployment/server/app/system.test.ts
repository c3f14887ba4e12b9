import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { systemRoutes } from '../../../../../src/runtime/deployment/server/app/routes/system.ts';
import { Access } from '../../../../../src/runtime/deployment/server/policy/access.ts';
import { Studies } from '../../../../../src/runtime/deployment/server/policy/studies.ts';
import { SiteOrders } from '../../../../../src/runtime/deployment/server/sites/site-orders.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import type { ServerStore } from '../../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import type { LogLevel } from '../../../../../src/runtime/network/messages/shapes.ts';
import type { Identity } from '../../../../../src/runtime/security/certificate/identity.ts';
import {
  AUTHORIZATION_TEXT,
  authorizationSchema,
} from '../../../../../src/runtime/security/policy/authorization.ts';
import { hello } from '../../../../support/raw-site.ts';
import { ANN, rememberedDeeds, routeApp, SITE_1 } from '../../../../support/route-app.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const OTTO: Identity = { name: 'otto@example.org', org: 'hospital_1', type: 'admin', role: 'org_admin' };
const MIA: Identity = { name: 'mia@example.org', org: 'university', type: 'admin', role: 'member' };
let count = 0;
let registry: SiteRegistry;
let store: ServerStore;
let audit: ReturnType<typeof rememberedDeeds>;
let app: Awaited<ReturnType<typeof routeApp>>;
let level: LogLevel;
let stopped: string[];

beforeEach(async () => {
  store = await openSqliteStore(join(root, `${count++}.db`));
  registry = new SiteRegistry([]);
  audit = rememberedDeeds();
  level = 'info';
  stopped = [];
  for (const [name, org] of [
    ['site-1', 'hospital_1'],
    ['site-2', 'hospital_2'],
    ['site-3', 'hospital_3'],
  ] as const) {
    await store.seeSite({ name, org, time: new Date().toISOString() });
    if (name !== 'site-3') registry.open({ name, org }, hello(randomUUID()), '127.0.0.1');
  }
  const access = new Access(authorizationSchema.parse(parse(AUTHORIZATION_TEXT)), new Studies(store, []));
  const kit = {
    identity: { name: 'hub', org: 'university', type: 'server' },
    project: 'brain',
    expires: new Date('2030-01-01'),
    daysLeft: 12,
  } as const;
  app = await routeApp('/v1/system', (scope) =>
    systemRoutes(scope, {
      kit,
      access,
      registry,
      store,
      audit,
      orders: new SiteOrders(registry),
      resources: { max_jobs: 8 },
      scheduler: { find: () => undefined, active: () => [], waitingCount: () => 3 },
      control: {
        started: '2026-01-01T00:00:00.000Z',
        logLevel: () => level,
        setLogLevel: (now) => {
          level = now;
        },
        stop: (what) => void stopped.push(what),
      },
    }),
  );
});

afterEach(async () => {
  await app.close();
  registry.stop();
  await store.close();
});

const post = (path: string, who: Identity, body: object) =>
  app.ask('POST', `/v1/system/${path}`, { who, body });

describe('the status of a server', () => {
  it('is that of the server and of all sites it knows', async () => {
    const { body } = await app.ask('GET', '/v1/system/status', { who: ANN });
    expect(body).toMatchObject({
      server: { name: 'hub', jobs_waiting: 3, max_jobs: 8, log_level: 'info' },
      sites: [
        { name: 'site-1', connected: true, address: '127.0.0.1' },
        { name: 'site-2', connected: true },
        { name: 'site-3', connected: false, address: null },
      ],
    });
    expect(JSON.stringify(body)).toContain('certificate ends in 12 days');
  });

  it('shows addresses to those alone who may operate the site', async () => {
    const { body } = await app.ask('GET', '/v1/system/status', { who: OTTO });
    expect(body).toMatchObject({ sites: [{ address: '127.0.0.1' }, { address: null }, { address: null }] });
  });
});

describe('orders', () => {
  it('to all go to every site that is there, and the server last', async () => {
    const { body } = await post('log-level', ANN, { targets: ['all'], level: 'debug' });
    expect(body).toEqual({ done: ['site-1', 'site-2', 'server'] });
    expect(level).toBe('debug');
    expect(audit.deeds.map(({ action, site }) => [action, site])).toEqual([
      ['system.log_level', 'site-1'],
      ['system.log_level', 'site-2'],
      ['system.log_level', 'server'],
    ]);
  });

  it('end the server after its answer', async () => {
    expect(await post('restart', ANN, { targets: ['server'] })).toMatchObject({ body: { done: ['server'] } });
    await expect.poll(() => stopped).toEqual(['restart']);
  });

  it.each([
    ['a site that is not there', ANN, ['site-3'], 'NF_SITE_ABSENT'],
    ['a site that nobody knows', ANN, ['site-9'], 'NF_SITE_UNKNOWN'],
    ['a site of another organisation', OTTO, ['site-2'], 'NF_ACCESS_DENIED'],
    ['the server, by who may operate sites alone', OTTO, ['server'], 'NF_ACCESS_DENIED'],
    ['any, by who may only view', MIA, ['site-1'], 'NF_ACCESS_DENIED'],
    ['any, by a site', SITE_1, ['site-1'], 'NF_ACCESS_DENIED'],
  ] as const)('to %s are refused, and nothing is done', async (_what, who, targets, code) => {
    expect(await post('shutdown', who, { targets })).toMatchObject({ body: { code } });
    expect([audit.deeds, stopped]).toEqual([[], []]);
  });

  it('keep a site out, and let it in again', async () => {
    expect(await post('disable-client', OTTO, { site: 'site-1' })).toMatchObject({
      body: { done: ['site-1'] },
    });
    expect(registry.get('site-1')).toBeUndefined();
    expect(registry.isEnabled('site-1')).toBe(false);
    await post('enable-client', OTTO, { site: 'site-1' });
    expect(registry.isEnabled('site-1')).toBe(true);
    expect((await store.sites())[0]).toMatchObject({ name: 'site-1', enabled: true });
  });
});
