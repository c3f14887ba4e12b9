import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { jobControlRoutes } from '../../../../../src/runtime/deployment/server/app/routes/job-control.ts';
import { Access } from '../../../../../src/runtime/deployment/server/policy/access.ts';
import {
  AUTHORIZATION_TEXT,
  authorizationSchema,
} from '../../../../../src/runtime/security/policy/authorization.ts';
import { ANN, rememberedDeeds, routeApp } from '../../../../support/route-app.ts';
import { openServerJobs } from '../../../../support/server-jobs.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

it('changes how much sites log as often as one likes, in few lines of the audit log', async () => {
  const server = await openServerJobs(join(tempFolder(), 'state'));
  const audit = rememberedDeeds();
  const access = new Access(authorizationSchema.parse(parse(AUTHORIZATION_TEXT)), server.studies);
  const { id } = await server.add();
  await server.start();
  const deps = { ...server, access, audit, endTransfers: async () => undefined };
  const app = await routeApp('/v1/jobs', (scope) => jobControlRoutes(scope, deps));
  for (let times = 0; times < 20; times++) {
    const level = times % 2 === 0 ? 'debug' : 'info';
    const { status } = await app.ask('POST', `/v1/jobs/${id}/log-level`, { who: ANN, body: { level } });
    expect(status).toBe(200);
  }
  expect(server.run(id).logLevel).toBe('info');
  const deed = { actor: ANN.name, action: 'job.log_level', job: id };
  expect(audit.deeds).toMatchObject([
    { ...deed, detail: 'debug' },
    { ...deed, detail: 'info' },
  ]);
  await app.close();
  expect(audit.deeds.slice(2)).toMatchObject([
    { ...deed, detail: 'debug: 9 times more within a minute' },
    { ...deed, detail: 'info: 9 times more within a minute' },
  ]);
  await server.close();
});
