import { afterEach, describe, expect, it } from 'vitest';
import { requireOwner } from '../../../../../src/runtime/deployment/server/app/route-access.ts';
import { ANN, routeApp, SITE_1 } from '../../../../support/route-app.ts';

let close: (() => Promise<void>) | undefined;

afterEach(async () => {
  await close?.();
});

describe('a route', () => {
  it('that the table of rights does not name cannot be made', async () => {
    const app = routeApp('/v1', (scope) => {
      scope.get('/new', async () => ({}));
    });
    await expect(app).rejects.toThrow('The table of rights does not name GET /v1/new');
  });

  it('is open to those alone whom the table names, whatever is behind it', async () => {
    let asked = 0;
    const app = await routeApp('/v1', (scope) => {
      scope.post('/site/poll', async () => ({ asked: ++asked }));
      scope.get('/jobs/', async () => ({ asked: ++asked }));
    });
    close = app.close;
    expect(await app.ask('POST', '/v1/site/poll', { who: ANN })).toMatchObject({ status: 403 });
    expect(await app.ask('GET', '/v1/jobs/', { who: SITE_1 })).toMatchObject({ status: 403 });
    expect(asked).toBe(0);
    expect(await app.ask('POST', '/v1/site/poll', { who: SITE_1 })).toMatchObject({ body: { asked: 1 } });
    expect(await app.ask('GET', '/v1/jobs/', { who: ANN })).toMatchObject({ body: { asked: 2 } });
  });

  it('of owners is for project admins', () => {
    expect(() => requireOwner(ANN)).not.toThrow();
    expect(() => requireOwner({ ...ANN, role: 'org_admin' })).toThrow(
      expect.objectContaining({ code: 'NF_ACCESS_DENIED' }),
    );
  });
});
