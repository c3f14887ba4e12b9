import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { studyRoutes } from '../../../../../src/runtime/deployment/server/app/routes/studies.ts';
import { Access } from '../../../../../src/runtime/deployment/server/policy/access.ts';
import { Studies } from '../../../../../src/runtime/deployment/server/policy/studies.ts';
import type { ServerStore } from '../../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import type { Identity } from '../../../../../src/runtime/security/certificate/identity.ts';
import {
  AUTHORIZATION_TEXT,
  authorizationSchema,
} from '../../../../../src/runtime/security/policy/authorization.ts';
import { ANN, rememberedDeeds, routeApp } from '../../../../support/route-app.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const OTTO: Identity = { name: 'otto@example.org', org: 'hospital_1', type: 'admin', role: 'org_admin' };
const LEA: Identity = { name: 'lea@example.org', org: 'university', type: 'admin', role: 'lead' };
let count = 0;
let store: ServerStore;
let studies: Studies;
let audit: ReturnType<typeof rememberedDeeds>;
let app: Awaited<ReturnType<typeof routeApp>>;
/** Times that jobs were held to the studies. */
let kept: number;

beforeEach(async () => {
  store = await openSqliteStore(join(root, `${count++}.db`));
  for (const number of [1, 2])
    await store.seeSite({
      name: `site-${number}`,
      org: `hospital_${number}`,
      time: new Date().toISOString(),
    });
  studies = new Studies(store, []);
  audit = rememberedDeeds();
  kept = 0;
  const access = new Access(authorizationSchema.parse(parse(AUTHORIZATION_TEXT)), studies);
  const scheduler = { keepToStudies: async () => void kept++ };
  app = await routeApp('/v1/studies', (scope) =>
    studyRoutes(scope, { studies, access, store, scheduler, audit }),
  );
});

afterEach(async () => {
  await app.close();
  await store.close();
});

const post = (path: string, who: Identity, body: object) =>
  app.ask('POST', `/v1/studies/${path}`, { who, body });
const register = (sites: readonly string[] = [], open = false) =>
  post('', ANN, { name: 'brain', sites, open });
const denied = { status: 403, body: { code: 'NF_ACCESS_DENIED' } };
const notThere = { body: { code: 'NF_STUDY_UNKNOWN' } };

describe('a study', () => {
  it('is made, noted and kept by a project admin, and by nobody else', async () => {
    expect(await register(['site-1'])).toMatchObject({
      status: 200,
      body: { name: 'brain', sites: ['site-1'] },
    });
    expect(audit.deeds).toMatchObject([{ action: 'study.register', detail: 'brain', actor: ANN.name }]);
    expect(await store.studies()).toMatchObject([{ name: 'brain', open: false }]);
    expect(await post('', OTTO, { name: 'other' })).toMatchObject(denied);
    expect(await post('', ANN, { name: '../brain' })).toMatchObject({ body: { code: 'NF_REQUEST_FORM' } });
  });

  it('is there for those who are in it, and for everybody once it is open', async () => {
    await register();
    const look = () => app.ask('GET', '/v1/studies/brain', { who: LEA });
    expect(await look()).toMatchObject(notThere);
    await post('brain/add-user', ANN, { user: LEA.name, role: 'lead' });
    expect(await look()).toMatchObject({ body: { users: { [LEA.name]: 'lead' } } });
    await post('brain/remove-user', ANN, { user: LEA.name });
    expect(await look()).toMatchObject(notThere);
    await post('brain/open', ANN, { open: true });
    expect(await look()).toMatchObject({ body: { open: true } });
  });

  it('that is removed is gone, and its jobs are looked at', async () => {
    await register();
    expect(await app.ask('DELETE', '/v1/studies/brain', { who: ANN })).toMatchObject({ status: 200 });
    expect([await store.studies(), kept]).toEqual([[], 1]);
  });
});

describe('the sites of a study', () => {
  it('are the own ones of an organisation’s admin who is in it', async () => {
    await register();
    await post('brain/add-user', ANN, { user: OTTO.name, role: 'org_admin' });
    expect(await post('brain/add-sites', OTTO, { sites: ['site-1'] })).toMatchObject({
      body: { sites: ['site-1'] },
    });
    expect(await post('brain/add-sites', OTTO, { sites: ['site-2'] })).toMatchObject(denied);
    expect(kept).toBe(1);
  });

  it('are taken out by the organisation whose they are, which sees no others of a study it is not in', async () => {
    await register(['site-1', 'site-2']);
    expect(await post('brain/add-sites', OTTO, { sites: ['site-1'] })).toMatchObject(notThere);
    expect(await post('brain/remove-sites', OTTO, { sites: ['site-2'] })).toMatchObject(notThere);
    expect(await post('brain/remove-sites', OTTO, { sites: ['site-1'] })).toMatchObject({
      body: { sites: [], users: {} },
    });
    expect(studies.get('brain').sites).toEqual(['site-2']);
  });

  it('are nobody’s to change who is no admin of an organisation', async () => {
    await register(['site-1'], true);
    expect(await post('brain/add-sites', LEA, { sites: ['site-2'] })).toMatchObject(denied);
    expect(kept).toBe(0);
  });
});
